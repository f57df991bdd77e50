//! Recorded runs of Prefect 1, rebuilt with the library's API for flows that are made at run time, and compared: calls of
//! state handlers, final states, results, log lines, HTTP posts, in the order that is on record.
//!
//! `PREFECT_REFERENCE_DIR` names another folder of records. What a language changes is taken out in `normalise`, and
//! nowhere else. No record is known by its name.
mod attempts;
mod body;
mod building;
mod built_in;
mod changed;
mod compare;
mod handlers;
mod normalise;
mod python;
mod rebuild;
mod record;
mod schedules;
mod witness;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use compare::Order;
use prefect_tests::records;
use record::Spec;
use serde_json::Value as Json;

enum Verdict {
    Pass,
    Fail(String),
    Unsupported(String),
}

impl From<Result<Option<String>, String>> for Verdict {
    fn from(compared: Result<Option<String>, String>) -> Self {
        match compared {
            Ok(None) => Self::Pass,
            Ok(Some(difference)) => Self::Fail(difference),
            Err(missing) => Self::Unsupported(missing),
        }
    }
}

fn judge(record: &Json) -> Verdict {
    let compare = || attempts::difference(record).unwrap_or_else(|| run_and_compare(record));
    catch_unwind(AssertUnwindSafe(compare)).map_or_else(|_| Verdict::Fail("a panic".to_owned()), Verdict::from)
}

/// The folder that is asked for, as it is named or as it is named from the top of the project.
fn folder() -> PathBuf {
    let Some(named) = env::var_os("PREFECT_REFERENCE_DIR").map(PathBuf::from) else { return records::own_folder() };
    if named.exists() { named } else { PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(named) }
}

/// The first difference, or what is missing to run the record.
fn run_and_compare(record: &Json) -> Result<Option<String>, String> {
    let observed = &record["observed"];
    if let Some(class) = built_in_of_later(record) {
        return Err(format!("built-in task {class}"));
    }
    let spec: Spec = record::read(&record["spec"], "spec")?;
    let order = if record["event_order"] == "partial" { Order::Partial } else { Order::Total };
    let observed: Vec<&Json> = match record["observed_runs"].as_array() {
        Some(runs) => runs.iter().collect(),
        None => vec![observed],
    };
    let seen = rebuild::run(&spec, record, &observed)?;
    // All, and in their order.
    let differences = observed.iter().zip(seen).enumerate().filter_map(|(run, (observed, seen))| {
        let difference = compare::difference(&spec, order, observed, &seen)?;
        Some(if record["observed_runs"].is_array() { format!("run {}: {difference}", run + 1) } else { difference })
    });
    Ok(differences.into_iter().next())
}

/// The class of a task that Prefect makes itself, if it cannot be made here. Named before the rest is read, because such
/// tasks have fields of their own.
fn built_in_of_later(record: &Json) -> Option<&str> {
    let classes = record["spec"]["tasks"].as_array()?.iter().filter_map(|task| task["built_in"].as_str());
    classes.into_iter().find(|class| !built_in::is_known(class))
}

#[test]
fn conformance() {
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    // The test harness may have begun a line.
    println!();
    for (name, record) in records::all(&folder()) {
        match judge(&record) {
            Verdict::Pass => {
                passed += 1;
                println!("pass {name}");
            }
            Verdict::Fail(what) => {
                failed += 1;
                println!("FAIL {name}: {what}");
            }
            Verdict::Unsupported(what) => {
                unsupported += 1;
                println!("unsupported {name}: {what}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {unsupported} unsupported");
    assert_eq!(failed, 0, "see the lines that begin with FAIL");
}
