//! The figures as the Markdown of `benches/README.md`.
use std::fs;

use crate::instructions;
use crate::rounds::{Figures, GROWTH, MANY, MOST, SPINS, Spread, WAITS};
use crate::sample::{Case, Sample, float};
use crate::systems::{System, workers};
use crate::workload::Workload;

/// In this order in every table.
const SYSTEMS: [System; 5] = [System::Prefect, System::Floor, System::ByHand, System::AsyncDag, System::OpereseDagx];

/// A goal for w1 to w4: CPU microseconds for each task, and what the floor takes on the machine that it was set for.
/// Another machine is judged by the ratio of the two.
struct Goal {
    workload: Workload,
    cpu_us: f64,
    floor_us: f64,
    /// How much dearer a task may become from 10,000 to 1,000,000.
    growth: f64,
}

const GOALS: [Goal; 4] = [
    Goal { workload: Workload::Chain, cpu_us: 0.30, floor_us: 0.19, growth: 1.5 },
    Goal { workload: Workload::Fan, cpu_us: 0.42, floor_us: 0.23, growth: 1.5 },
    Goal { workload: Workload::Layers, cpu_us: 0.58, floor_us: 0.40, growth: 2.0 },
    Goal { workload: Workload::Wide, cpu_us: 0.36, floor_us: 0.21, growth: 1.5 },
];

/// A Markdown table, line by line.
struct Table(Vec<String>);

impl Table {
    fn new(title: &str, columns: impl IntoIterator<Item = String>) -> Self {
        let columns: Vec<String> = columns.into_iter().collect();
        let rule = vec!["---"; columns.len()].join("|");
        Self(vec![title.into(), String::new(), format!("| {} |", columns.join(" | ")), format!("|{rule}|")])
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        self.0.push(format!("| {} |", cells.join(" | ")));
    }

    fn text(self) -> String {
        self.0.join("\n") + "\n"
    }
}

/// What a machine is, as far as it says so.
pub(crate) fn machine(rounds: usize) -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unknown processor", |(_, name)| name.trim());
    format!("{} cores of {model}; medians of {rounds} rounds, with the least and the most.\n", workers())
}

pub(crate) fn tables(figures: &Figures) -> String {
    [costs(figures), growth(figures), rest(figures)].join("\n")
}

fn costs(figures: &Figures) -> String {
    let title = format!("CPU microseconds for each task, building included, N = {}:", thousands(MANY));
    let columns = ["workload", "goal"].map(String::from).into_iter().chain(names());
    let ratios = ["prefect ÷ floor", "the goal's", "prefect ÷ the better library"].map(String::from);
    let mut table = Table::new(&title, columns.chain(ratios));
    for Goal { workload, cpu_us, floor_us, .. } in GOALS {
        let case = |system| Case { workload, n: MANY, system };
        let ratio = |under| figures.ratio(case(System::Prefect), case(under), Sample::cpu_us_a_task);
        let better = System::PEERS
            .into_iter()
            .filter_map(|peer| Some((peer, figures.spread(case(peer), Sample::cpu_us_a_task)?.median)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut cells = vec![workload.to_string(), format!("{cpu_us:.2}")];
        cells.extend(SYSTEMS.map(|system| cell(figures.spread(case(system), Sample::cpu_us_a_task), 2)));
        cells.push(cell(ratio(System::Floor), 2));
        cells.push(format!("{:.2}", cpu_us / floor_us));
        cells.push(better.map_or("-".into(), |(peer, _)| format!("{} {peer}", cell(ratio(peer), 2))));
        table.row(cells);
    }
    table.text()
}

fn growth(figures: &Figures) -> String {
    let [small, large] = GROWTH;
    let title = format!("From N = {} to {}, CPU microseconds for each task:", thousands(small), thousands(large));
    let columns = ["workload", "goal: at most times", "prefect: times", "from", "to", "floor: times", "from", "to"];
    let mut table = Table::new(&title, columns.map(String::from));
    for Goal { workload, growth, .. } in GOALS {
        let mut cells = vec![workload.to_string(), format!("{growth:.1}")];
        for system in [System::Prefect, System::Floor] {
            let case = |n| Case { workload, n, system };
            cells.push(cell(figures.ratio(case(large), case(small), Sample::cpu_us_a_task), 2));
            cells.extend(GROWTH.map(|n| cell(figures.spread(case(n), Sample::cpu_us_a_task), 2)));
        }
        table.row(cells);
    }
    table.text()
}

fn rest(figures: &Figures) -> String {
    let columns = ["what", "goal"].map(String::from).into_iter().chain(names());
    let mut table = Table::new("The others:", columns);
    let mut row = |what: String, goal: &str, spread: &dyn Fn(System) -> Option<Spread>, digits: usize| {
        table.row([what, goal.into()].into_iter().chain(SYSTEMS.map(|system| cell(spread(system), digits))));
    };
    let spins = |system| Case { workload: Workload::Spins, n: SPINS, system };
    let cores = float(workers());
    let share = |system| {
        let ratio = figures.ratio(spins(System::Direct), spins(system), |sample| sample.wall.as_secs_f64())?;
        let Spread { median, least, most } = ratio;
        Some(Spread { median: median / cores, least: least / cores, most: most / cores })
    };
    row(format!("w5, N = {SPINS}: share of the cores"), "0.97", &share, 2);
    let waits = |system| Case { workload: Workload::Waits, n: WAITS, system };
    let wall = |system| figures.spread(waits(system), |sample| sample.wall.as_secs_f64());
    row(format!("w6, N = {}: seconds", thousands(WAITS)), "< 0.20", &wall, 3);
    let cpu = |system| figures.spread(waits(system), Sample::cpu_us_a_task);
    row("w6: CPU µs for each wait".into(), "", &cpu, 2);
    let layers = |system| figures.spread(Case { workload: Workload::Layers, n: MOST, system }, Sample::bytes_a_task);
    row(format!("w7, N = {}: peak bytes a task", thousands(MOST)), "< 250", &layers, 0);
    let map = |system| Case { workload: Workload::Map, n: MOST, system };
    let cpu = |system| figures.spread(map(system), Sample::cpu_us_a_task);
    row(format!("map of {}: CPU µs a child", thousands(MOST)), "< 0.15", &cpu, 2);
    let bytes = |system| figures.spread(map(system), Sample::bytes_a_task);
    row("the same: peak bytes a child".into(), "< 150", &bytes, 0);
    table.text()
}

/// Instructions for each task, counted by valgrind.
pub(crate) fn instructions(tell: impl Fn(&str)) -> Result<String, String> {
    if !instructions::is_there() {
        return Ok("Instructions are not counted: there is no `valgrind` on this machine.\n".into());
    }
    let columns = [String::from("workload")].into_iter().chain(names());
    let mut table =
        Table::new("Instructions for each task (callgrind), building and the check of the sum included:", columns);
    for workload in Workload::IDLE {
        tell(&format!("instructions of {workload}"));
        let counts = SYSTEMS.map(|system| instructions::a_task(system, workload));
        let cells = counts.into_iter().map(|count| Ok(format!("{:.0}", count?))).collect::<Result<Vec<_>, String>>()?;
        table.row([workload.to_string()].into_iter().chain(cells));
    }
    Ok(table.text())
}

fn names() -> impl Iterator<Item = String> {
    SYSTEMS.into_iter().map(|system| system.to_string())
}

fn cell(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".into(), |Spread { median, least, most }| {
        format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
    })
}

fn thousands(n: usize) -> String {
    if n >= 1_000_000 {
        return format!("{},000,000", n / 1_000_000);
    }
    format!("{},000", n / 1_000)
}
