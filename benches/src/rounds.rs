//! All measurements, in rounds: what is compared is measured side by side, so that a busy moment of the machine falls on
//! all of it.
use std::collections::BTreeMap;

use crate::sample::{Case, Sample};
use crate::systems::System;
use crate::workload::Workload;

/// N of the goals for w1 to w4.
pub(crate) const MANY: usize = 100_000;
/// Between these the cost of a task is to stay what it is.
pub(crate) const GROWTH: [usize; 2] = [10_000, 1_000_000];
pub(crate) const SPINS: usize = 500;
pub(crate) const WAITS: usize = 10_000;
/// N of w7, and of the map.
pub(crate) const MOST: usize = 1_000_000;

/// What was measured: a sample for each case and round.
pub(crate) struct Figures(BTreeMap<Case, Vec<Sample>>);

/// The middle of what the rounds gave, and its ends.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Self { median: values[values.len() / 2], least, most })
    }
}

impl Figures {
    /// Measures everything; `tell` hears how far that is.
    pub(crate) fn measure(rounds: usize, tell: impl Fn(&str)) -> Result<Self, String> {
        let mut figures = BTreeMap::<Case, Vec<Sample>>::new();
        let mut cases = cases();
        for round in 1..=rounds {
            tell(&format!("round {round} of {rounds}"));
            for case in &cases {
                figures.entry(*case).or_default().push(case.spawn()?);
            }
            // Nobody is always measured behind the same one.
            cases.reverse();
        }
        Ok(Self(figures))
    }

    /// `None` if the case is not measured.
    pub(crate) fn spread(&self, case: Case, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.0.get(&case)?.iter().map(of).collect())
    }

    /// The figures of a case over those of another one, round by round.
    pub(crate) fn ratio(&self, over: Case, under: Case, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        let pairs = self.0.get(&over)?.iter().zip(self.0.get(&under)?);
        Spread::of(pairs.map(|(over, under)| of(over) / of(under)).collect())
    }
}

/// All that is measured in a round, what is compared side by side.
fn cases() -> Vec<Case> {
    use System::{AsyncDag, ByHand, Direct, Floor, OpereseDagx, Prefect};
    let all = [Prefect, Floor, ByHand, AsyncDag, OpereseDagx];
    let mut cases = Vec::new();
    let mut add = |workload, n, systems: &[System]| {
        cases.extend(systems.iter().map(|system| Case { workload, n, system: *system }));
    };
    for workload in Workload::IDLE {
        add(workload, MANY, &all);
        for n in GROWTH {
            add(workload, n, &[Prefect, Floor]);
        }
    }
    add(Workload::Layers, MOST, &all);
    add(Workload::Map, MOST, &all);
    add(Workload::Spins, SPINS, &all);
    add(Workload::Spins, SPINS, &[Direct]);
    add(Workload::Waits, WAITS, &[Prefect, ByHand, AsyncDag, OpereseDagx]);
    cases.sort();
    cases.dedup();
    cases
}

#[cfg(test)]
mod tests {
    use super::cases;
    use crate::sample::Case;
    use crate::workload::Workload;

    /// Every measurement, in small.
    #[test]
    fn each_system_gives_the_right_number() {
        for case in cases() {
            let n = if case.workload == Workload::Spins { 20 } else { 300 };
            let small = Case { n, ..case };
            assert!(small.measure().tasks >= small.n, "{small}");
        }
    }
}
