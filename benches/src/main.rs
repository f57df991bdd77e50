//! What the library costs, next to others. See `README.md` beside the manifest.
use std::env;
use std::fs;
use std::process::ExitCode;

use rounds::Figures;
use sample::Case;

mod instructions;
mod recorded;
mod report;
mod rounds;
mod sample;
mod systems;
mod workload;

const USAGE: &str = "usage: compare [--rounds N] [--instructions] [--write]
       compare recorded [ROUNDS]
       compare one SYSTEM WORKLOAD N

Prints the tables of benches/README.md. --write puts them there, --instructions counts with valgrind too.
`recorded` measures runs that are recorded in a store, alone. `one` measures a system once, in this process, and prints what it took as JSON.";

/// The figures stand between these lines of the page.
const BEGIN: &str = "<!-- figures: made by `compare --write` -->\n";
const END: &str = "<!-- end of figures -->";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    Instructions,
    Write,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["recorded"] => recorded::table(3).map(|table| println!("{table}")),
        ["recorded", rounds] => count(rounds).and_then(recorded::table).map(|table| println!("{table}")),
        ["one", system, workload, n] => one(system, workload, n),
        ["--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => compare(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn one(system: &str, workload: &str, n: &str) -> Result<(), String> {
    let case = Case { system: system.parse()?, workload: workload.parse()?, n: count(n)? };
    if !case.system.runs(case.workload) {
        return Err(format!("{system} does not run {workload}"));
    }
    let sample = serde_json::to_string(&case.measure()).map_err(|error| error.to_string())?;
    println!("{sample}");
    Ok(())
}

fn compare(arguments: &[&str]) -> Result<(), String> {
    let (mut rounds, mut extras) = (9, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--rounds" => rounds = count(arguments.next().ok_or(USAGE)?)?,
            "--instructions" => extras.push(Extra::Instructions),
            "--write" => extras.push(Extra::Write),
            other => return Err(format!("there is no `{other}`\n{USAGE}")),
        }
    }
    if cfg!(debug_assertions) {
        return Err("figures of a debug build say nothing: add --release".into());
    }
    let tell = |what: &str| eprintln!("{what}");
    let figures = Figures::measure(rounds, tell)?;
    let mut page = vec![report::machine(rounds), report::tables(&figures)];
    tell("recorded runs");
    page.push(recorded::table(rounds.min(5))?);
    if extras.contains(&Extra::Instructions) {
        page.push(report::instructions(tell)?);
    }
    let page = page.join("\n");
    println!("{page}");
    if extras.contains(&Extra::Write) { write(&page) } else { Ok(()) }
}

/// Puts the figures into the page.
fn write(figures: &str) -> Result<(), String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let failed = |error| format!("{path}: {error}");
    let page = fs::read_to_string(path).map_err(failed)?;
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{path} has no place for figures: {BEGIN}{END}"))?;
    fs::write(path, format!("{before}{BEGIN}\n{figures}\n{END}{after}")).map_err(failed)
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("`{text}` is no number above 0"))
}
