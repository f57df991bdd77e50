//! A nightly job of 30 tasks that survives: kill it, and `nightly_etl resume` runs only what was left.
//!
//! It downloads the sales of eight shops, cleans and adds them up, waits until somebody has looked at the figures, and then
//! publishes them. Nothing of this is real but the waiting.
//!
//! ```console
//! $ cargo run --example nightly_etl              # kill it in the middle
//! $ cargo run --example nightly_etl -- resume    # goes on; then it waits for somebody
//! $ cargo run --example nightly_etl -- resume    # somebody: it publishes
//! ```
//!
//! Each body that begins adds a line to the file that `ETL_EFFECTS` names, if it is set: what it is, which child of a mapped
//! task, and which attempt.
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use prefect::prelude::*;

/// How long a body takes, as far as anybody is to notice.
const WORK: Duration = Duration::from_millis(400);

type Rows = Vec<u64>;

/// Tells that a body has begun, and takes its time.
fn work() -> Result<(), std::io::Error> {
    let context = context();
    if let Some(path) = std::env::var_os("ETL_EFFECTS") {
        let slug = context.task_slug().unwrap_or_default();
        let index = context.map_index().map_or_else(|| "-".to_owned(), |i| i.to_string());
        // One write: other bodies do the same at the same time.
        let line = format!("{slug} {index} {}\n", context.task_run_count());
        OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())?;
    }
    std::thread::sleep(WORK);
    Ok(())
}

#[task]
fn list_shops() -> Result<Vec<u64>, std::io::Error> {
    work()?;
    Ok((1..=8).collect())
}

#[task]
fn download(shop: u64) -> Result<Rows, std::io::Error> {
    work()?;
    Ok((1..=shop * 10).collect())
}

#[task]
fn join(downloads: Vec<Rows>) -> Result<Rows, std::io::Error> {
    work()?;
    Ok(downloads.concat())
}

#[task]
fn part(rows: Rows, number: u64, of: u64) -> Result<Rows, std::io::Error> {
    work()?;
    Ok(rows.into_iter().filter(|row| row % of == number).collect())
}

#[task]
fn clean(rows: Rows) -> Result<Rows, std::io::Error> {
    work()?;
    Ok(rows.into_iter().filter(|row| row % 10 != 0).collect())
}

#[task]
fn sum(rows: Rows) -> Result<u64, std::io::Error> {
    work()?;
    Ok(rows.iter().sum())
}

#[task]
fn total(sums: Vec<u64>) -> Result<u64, std::io::Error> {
    work()?;
    Ok(sums.iter().sum())
}

#[task]
fn compare(total: u64, yesterday: u64) -> Result<String, std::io::Error> {
    work()?;
    Ok(format!("{total} sold, {yesterday} the day before"))
}

/// Waits for somebody who has looked at the figures.
#[task(trigger = manual_only)]
fn approve(figures: Option<String>) -> Result<String, std::io::Error> {
    work()?;
    Ok(figures.unwrap_or_default())
}

#[task]
fn publish(figures: String, place: String) -> Result<String, std::io::Error> {
    work()?;
    Ok(format!("{figures} ({place})"))
}

#[task]
fn archive(published: Vec<String>) -> Result<usize, std::io::Error> {
    work()?;
    Ok(published.len())
}

fn main() -> ExitCode {
    prefect::main(flow!("nightly etl", {
        let rows = join(download::map(list_shops()));
        let sums: Vec<_> = (0..7).map(|number| sum(clean(part(rows, number, 7)))).collect();
        let figures = approve(compare(total(sums), 12_345));
        archive(vec![publish(figures, "the wall"), publish(figures, "the web")])
    }))
}
