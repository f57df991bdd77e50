//! Resources: set up, used, cleaned up. On record: `resource_manager_ok`, `resource_manager_body_fails`,
//! `resource_manager_init_fails`.
use std::sync::{Arc, Mutex};

use prefect::prelude::*;
use prefect_tests::seen::{message_of, states};

/// What happened, in order. Each test has a log of its own.
type Log = Arc<Mutex<Vec<String>>>;

fn log() -> Log {
    Arc::default()
}

/// Neither `Clone` nor `Serialize`.
struct Db {
    log: Log,
    path: String,
}

impl Db {
    fn note(&self, what: &str) {
        self.log.lock().unwrap().push(format!("{what} {}", self.path));
    }
}

#[task(in_memory)]
fn open(path: String, #[shared] log: &Log) -> Result<Db, String> {
    if path.is_empty() {
        return Err("no path".to_owned());
    }
    let db = Db { log: Arc::clone(log), path };
    db.note("open");
    Ok(db)
}
#[task]
fn close(db: &Db) {
    db.note("close");
}
#[task]
fn query(db: &Db, n: i64) -> Result<i64, String> {
    db.note("query");
    if n < 0 { Err("no such row".to_owned()) } else { Ok(n) }
}
#[task]
fn number(n: i64) -> i64 {
    n
}
#[task]
fn close_with(db: &Db, label: String) -> Result<(), String> {
    db.note(&label);
    Err("still in use".to_owned())
}
#[task]
fn skips() -> Result<String, Signal> {
    Err(Signal::skip("not today"))
}

#[test]
fn set_up_used_and_cleaned_up() {
    let log = log();
    let flow = flow!("sum", {
        let sum = resource(open("a"), close, |db| query(db, 1) + query(db = db, n = 2));
        number(sum)
    });
    let run = flow.share(Arc::clone(&log)).run();
    assert_eq!(run.output().unwrap(), 3);
    assert_eq!(*log.lock().unwrap(), ["open a", "query a", "query a", "close a"]);
    let seen = ["open Success", "query Success", "query Success", "Add Success", "close Success", "number Success"];
    assert_eq!(states(&run), seen);
}

#[test]
fn cleaned_up_after_a_failure() {
    let log = log();
    let run = flow!("fails", { resource(open("a"), close, |db| number(query(db, -1))) }).share(Arc::clone(&log)).run();
    assert_eq!(states(&run), ["open Success", "query Failed", "number TriggerFailed", "close Success"]);
    assert_eq!(*log.lock().unwrap(), ["open a", "query a", "close a"]);
    assert_eq!(run.state().kind(), Failed);
}

#[test]
fn without_a_resource_there_is_nothing_to_clean_up() {
    let log = log();
    let run = flow!("no path", { resource(open(""), close, |db| query(db, 1)) }).share(Arc::clone(&log)).run();
    assert_eq!(states(&run), ["open Failed", "query TriggerFailed", "close Skipped"]);
    assert_eq!(message_of(&run, "close"), "Resource manager setup failed");
    assert_eq!(run.state().kind(), Failed);
    let run = flow!("skipped", { resource(open(skips()), close, |db| query(db, 1)) }).share(Arc::clone(&log)).run();
    assert_eq!(states(&run), ["skips Skipped", "open Skipped", "query Skipped", "close Skipped"]);
    assert_eq!(message_of(&run, "close"), "Resource manager setup skipped");
    assert!(log.lock().unwrap().is_empty());
}

/// A failed clean-up does not fail the flow, and what it does not wait for is no upstream of it.
#[test]
fn a_clean_up_never_decides_how_the_flow_ends() {
    let log = log();
    let flow = flow!("label", {
        let label = number(5);
        resource(
            open("a"),
            |db| close_with(db = db, label = "bye", upstream_tasks = [label]),
            |db| {
                query(db, 1);
            },
        );
    });
    let run = flow.share(Arc::clone(&log)).run();
    assert_eq!(states(&run), ["number Success", "open Success", "query Success", "close_with Failed"]);
    assert_eq!(run.state().kind(), Success);
    assert_eq!(*log.lock().unwrap(), ["open a", "query a", "bye a"]);
}

/// The state of the set-up is found wherever it stands among what is upstream.
#[test]
fn the_clean_up_may_read_more() {
    #[task]
    fn label(text: String) -> String {
        text
    }
    #[task]
    fn close_at(labels: &[String], label: String, db: &Db) {
        db.note(&format!("{label} {}", labels.len()));
    }
    let log = log();
    let build = |path: &'static str| {
        let flow = flow!("more", {
            let (mapped, label, other) = (label::map(["a", "b"]), label("bye"), number(1));
            resource(open(path), |db| close_at(mapped, label, db).after(other), |db| query(db, 1));
        });
        flow.share(Arc::clone(&log))
    };
    assert_eq!(states(&build("a").run()).last().unwrap(), "close_at Success");
    assert_eq!(message_of(&build("").run(), "close_at"), "Resource manager setup failed");
}

/// Every task of the block, the nested block too.
#[test]
fn all_of_the_block_waits_for_the_set_up() {
    let log = log();
    let run = flow!("nested", {
        resource(open(""), close, |db| {
            number(1);
            resource(open("b"), close, |inner| {
                query(inner, 1);
                query(db, 2);
            });
        });
    })
    .share(Arc::clone(&log))
    .run();
    let seen = [
        "open Failed",
        "number TriggerFailed",
        "open TriggerFailed",
        "query TriggerFailed",
        "query TriggerFailed",
        "close Skipped",
        "close Skipped",
    ];
    assert_eq!(states(&run), seen);
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn the_outer_resource_outlives_the_inner_one() {
    let log = log();
    let flow = flow!("nested", {
        resource(open("outer"), close, |outer| {
            resource(open("inner"), close, |inner| query(outer, 1) + query(inner, 2))
        })
    });
    assert_eq!(flow.share(Arc::clone(&log)).run().output().unwrap(), 3);
    let log = log.lock().unwrap();
    assert_eq!(log[0], "open outer");
    assert_eq!(log[4..], ["close inner", "close outer"]);
}

#[test]
fn mapped_over_and_in_a_case() {
    let log = log();
    let flow = flow!("map", {
        case(number(1), 1, || resource(open("a"), close, |db| query::map(db = unmapped(db), n = [1, 2])))
    });
    assert_eq!(flow.share(Arc::clone(&log)).run().output().unwrap(), [1, 2]);
    assert_eq!(log.lock().unwrap().last().unwrap(), "close a");
    let flow = flow!("map", { case(number(1), 2, || resource(open("a"), close, |db| query(db, 1))) });
    let run = flow.share(Arc::clone(&log)).run();
    assert_eq!(states(&run)[1..], ["case(2) Skipped", "open Skipped", "query Skipped", "close Skipped"]);
}

/// The flow whose only work is to open: that decides.
#[test]
fn an_empty_block() {
    let log = log();
    let run = flow!("empty", { resource(open(""), close, |_| ()) }).share(Arc::clone(&log)).run();
    assert_eq!(states(&run), ["open Failed", "close Skipped"]);
    assert_eq!(run.state().kind(), Failed);
}

#[test]
fn a_clean_up_is_one_task() {
    let build = |two: bool| {
        flow!("two", {
            let early = number(1);
            resource(
                open("a"),
                |db| {
                    if two {
                        close(db);
                        return number(2);
                    }
                    early
                },
                |_| (),
            );
        })
    };
    for two in [true, false] {
        let panic = std::panic::catch_unwind(|| drop(build(two))).unwrap_err();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "the clean-up of a resource is one task, made there");
    }
}
