//! The graphs that are measured, laid by one function for all systems, and what each must give.
use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use crate::systems::direct::Direct;

/// How many tasks a layer of [`Workload::Layers`] has.
const WIDTH: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Workload {
    /// w1: N tasks, each reading the one before.
    Chain,
    /// w2: one task, N that read it, and one that reads those N.
    Fan,
    /// w3 (w7 is the same for a large N): layers of 100 tasks, each reading three of the layer before, and one task that
    /// reads the last layer.
    Layers,
    /// w4: N tasks that read nothing, and one that reads them all.
    Wide,
    /// w5: as w4, and each of the N computes for about 1 ms.
    Spins,
    /// w6: as w4, and each of the N waits for 100 ms, asynchronously.
    Waits,
    /// The numbers below N, a task mapped over them, and one that reads all children. A system without mapping makes N
    /// tasks, each of which has its number.
    Map,
}

impl Workload {
    pub(crate) const ALL: [Self; 7] =
        [Self::Chain, Self::Fan, Self::Layers, Self::Wide, Self::Spins, Self::Waits, Self::Map];

    /// The four whose bodies do next to nothing, so that what is left is the system.
    pub(crate) const IDLE: [Self; 4] = [Self::Chain, Self::Fan, Self::Layers, Self::Wide];

    /// What the last task must give.
    pub(crate) fn expected(self, n: usize) -> i64 {
        let idle = match self {
            Self::Spins | Self::Waits => Self::Wide,
            other => other,
        };
        idle.lay(n, &mut Direct)
    }

    /// Makes the tasks, and gives the last.
    pub(crate) fn lay<B: Builder>(self, n: usize, builder: &mut B) -> B::Node {
        match self {
            Self::Chain => {
                let first = builder.start(Work::Nothing);
                (1..n).fold(first, |before, _| builder.next(&before))
            }
            Self::Fan => {
                let source = builder.start(Work::Nothing);
                let readers = (0..n).map(|_| builder.next(&source)).collect();
                builder.all(readers)
            }
            Self::Layers => {
                let mut random = Random::new();
                let mut layer: Vec<_> = (0..WIDTH).map(|_| builder.start(Work::Nothing)).collect();
                for _ in 1..n / WIDTH {
                    layer = (0..WIDTH).map(|_| builder.three(random.three().map(|i| &layer[i]))).collect();
                }
                builder.all(layer)
            }
            Self::Wide => leaves(n, Work::Nothing, builder),
            Self::Spins => leaves(n, Work::Spin, builder),
            Self::Waits => leaves(n, Work::Wait, builder),
            Self::Map => builder.map(n),
        }
    }
}

fn leaves<B: Builder>(n: usize, work: Work, builder: &mut B) -> B::Node {
    let leaves = (0..n).map(|_| builder.start(work)).collect();
    builder.all(leaves)
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "w1",
            Self::Fan => "w2",
            Self::Layers => "w3",
            Self::Wide => "w4",
            Self::Spins => "w5",
            Self::Waits => "w6",
            Self::Map => "map",
        })
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "w7" {
            return Ok(Self::Layers);
        }
        let found = Self::ALL.into_iter().find(|workload| workload.to_string() == text);
        found.ok_or_else(|| format!("there is no workload `{text}`: w1 to w7, and map"))
    }
}

/// A system, as far as a graph is made in it. Every body adds its inputs, and one.
pub(crate) trait Builder {
    type Node;

    /// A task that reads nothing, so it gives 1.
    fn start(&mut self, work: Work) -> Self::Node;

    /// A task that reads nothing but a number that it was made with.
    fn given(&mut self, number: i64) -> Self::Node;

    fn next(&mut self, input: &Self::Node) -> Self::Node;

    fn three(&mut self, inputs: [&Self::Node; 3]) -> Self::Node;

    fn all(&mut self, inputs: Vec<Self::Node>) -> Self::Node;

    /// A task mapped over the numbers below `n`, and one that reads all its children.
    fn map(&mut self, n: usize) -> Self::Node {
        let children = (0..number(n)).map(|x| self.given(x)).collect();
        self.all(children)
    }
}

/// What a body does besides adding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Nothing,
    Spin,
    Wait,
}

/// How long [`Work::Wait`] is.
pub(crate) const WAIT: std::time::Duration = std::time::Duration::from_millis(100);

/// About a millisecond of one core.
pub(crate) fn spin() {
    let mut x = 1_u64;
    for i in 0..750_000 {
        x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i));
    }
    black_box(x);
}

/// What a body gives.
pub(crate) fn sum<'a>(inputs: impl IntoIterator<Item = &'a i64>) -> i64 {
    inputs.into_iter().fold(1, |sum, x| sum.wrapping_add(*x))
}

pub(crate) fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Xorshift, with a fixed seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap_or(0)
    }

    /// Three different places in a layer.
    fn three(&mut self) -> [usize; 3] {
        let a = self.below(WIDTH);
        let b = (a + 1 + self.below(WIDTH - 1)) % WIDTH;
        let mut c = self.below(WIDTH);
        while c == a || c == b {
            c = (c + 1) % WIDTH;
        }
        [a, b, c]
    }
}
