//! What it costs to record a run: the same tasks, with a store.
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use prefect::store::{Options, Store, StoreUrl};

use crate::sample::float;
use crate::systems::prefect as ours;
use crate::workload::Workload;

/// Tasks that depend on nothing, and a chain of tasks.
const WIDE: usize = 100_000;
const CHAIN: usize = 3_000;
/// Runs of one task.
const SINGLE: usize = 300;

/// What recording took.
struct Figures {
    wide: Vec<f64>,
    chain: Vec<f64>,
    single: Vec<Duration>,
    /// Of the database, for each task run of the wide workload.
    bytes: f64,
    /// Milliseconds from the wish to the end of 990 of a thousand bodies, in the worst round.
    cancel: f64,
}

/// What names a server: `scripts/with-postgres` does.
const SERVER: &str = "PREFECT_TEST_POSTGRES";

/// Measures and gives the table. The database lies in the target folder, on a disk; or on the server that the environment names.
pub(crate) fn table(rounds: usize) -> Result<String, String> {
    if let Ok(url) = std::env::var(SERVER) {
        return on_server(&url.parse().map_err(|error| format!("{SERVER}: {error}"))?, rounds);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/recorded");
    let mut figures = Figures { wide: Vec::new(), chain: Vec::new(), single: Vec::new(), bytes: 0.0, cancel: 0.0 };
    for _ in 0..rounds {
        let _ = fs::remove_dir_all(&folder);
        let store = open(&folder.join("wide.db"))?;
        figures.wide.push(a_second(&store, Workload::Wide, WIDE));
        drop(store);
        figures.bytes = float(size(&folder.join("wide.db"))) / float(WIDE + 1);
        let store = open(&folder.join("chain.db"))?;
        figures.chain.push(a_second(&store, Workload::Chain, CHAIN));
        figures.cancel = figures.cancel.max(ours::cancelled(&store).as_secs_f64() * 1e3);
        for _ in 0..SINGLE {
            let begun = Instant::now();
            ours::recorded(Workload::Chain, 1, &store);
            figures.single.push(begun.elapsed());
        }
    }
    let _ = fs::remove_dir_all(&folder);
    Ok(figures.text(rounds))
}

/// The same on a server, but for what only a file shows.
fn on_server(url: &StoreUrl, rounds: usize) -> Result<String, String> {
    let mut figures = Figures { wide: Vec::new(), chain: Vec::new(), single: Vec::new(), bytes: 0.0, cancel: 0.0 };
    let store = Store::open(url, Options::default()).map_err(|error| error.to_string())?;
    for _ in 0..rounds {
        figures.wide.push(a_second(&store, Workload::Wide, WIDE));
        figures.chain.push(a_second(&store, Workload::Chain, CHAIN));
        figures.cancel = figures.cancel.max(ours::cancelled(&store).as_secs_f64() * 1e3);
        figures.single.extend((0..SINGLE).map(|_| {
            let begun = Instant::now();
            ours::recorded(Workload::Chain, 1, &store);
            begun.elapsed()
        }));
    }
    Ok(figures.of_server(rounds))
}

fn open(path: &Path) -> Result<Store, String> {
    Store::open(&StoreUrl::sqlite(path), Options::default()).map_err(|error| error.to_string())
}

/// Recorded task runs a second.
fn a_second(store: &Store, workload: Workload, n: usize) -> f64 {
    let begun = Instant::now();
    let tasks = ours::recorded(workload, n, store);
    float(tasks) / begun.elapsed().as_secs_f64()
}

fn size(path: &Path) -> usize {
    fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX))
}

/// The middle of some figures, and between what they lie.
fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    format!("{:.0} ({least:.0}–{most:.0})", sorted[sorted.len() / 2])
}

impl Figures {
    /// How long a run of one task took: in the middle, and 99 of 100.
    fn single(&mut self) -> String {
        self.single.sort_unstable();
        let at = |percent: usize| self.single[(self.single.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        format!("{:.2} ({:.2})", at(50), at(99))
    }

    fn of_server(mut self, rounds: usize) -> String {
        [
            format!(
                "Recorded in PostgreSQL on the same machine, each commit on its disk; {rounds} rounds, wall time:\n"
            ),
            "| what | goal | measured |\n|---|---|---|".to_owned(),
            format!("| w4, N = {WIDE}: task runs a second | 40000 | {} |", spread(&self.wide)),
            format!("| w1, N = {CHAIN}: task runs a second | | {} |", spread(&self.chain)),
            format!("| a run of one task: ms, median (99 of 100) | | {} |", self.single()),
            format!("| 1,000 tasks that wait are cancelled: ms until 990 are dropped | < 250 | {:.1} |\n", self.cancel),
        ]
        .join("\n")
    }

    fn text(mut self, rounds: usize) -> String {
        [
            format!("Recorded in SQLite, each commit on the disk; {rounds} rounds, wall time:\n"),
            "| what | goal | measured |\n|---|---|---|".to_owned(),
            format!("| w4, N = {WIDE}: task runs a second | 60000 | {} |", spread(&self.wide)),
            format!("| w1, N = {CHAIN}: task runs a second | 3000 | {} |", spread(&self.chain)),
            format!("| a run of one task: ms, median (99 of 100) | < 3 | {} |", self.single()),
            format!("| bytes in the database for each task run | < 200 | {:.0} |", self.bytes),
            format!("| 1,000 tasks that wait are cancelled: ms until 990 are dropped | < 250 | {:.1} |\n", self.cancel),
        ]
        .join("\n")
    }
}
