//! A flow with parameters: try `run --help`, `run --param rows=3` and `run --param path=data --param rows=many`.
use std::process::ExitCode;

use prefect::prelude::*;

#[task]
fn load(path: String, rows: u32) -> Vec<String> {
    (1..=rows).map(|row| format!("row {row} of {path}")).collect()
}

#[task]
fn report(rows: &[String], title: Option<String>) {
    println!("{}: {rows:?}", title.unwrap_or_else(|| "rows".to_owned()));
}

#[prefect::flow]
fn etl(
    /// Where to read from.
    path: String,
    /// How much to read.
    #[default(2)]
    rows: u32,
    title: Option<String>,
) {
    report(load(path, rows), title);
}

fn main() -> ExitCode {
    prefect::main(etl::flow())
}
