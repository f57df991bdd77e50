//! Stores of users' own, and ways of writing.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use prefect::prelude::*;
use prefect::{Clock, ResultStore, RunSettings, Serializer, TaskError};
use prefect_tests::seen::{message_of, states};

/// Keeps results in memory, and fails as often as it is told to.
#[derive(Clone, Default)]
struct Shelf {
    kept: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    trouble: Arc<AtomicU32>,
}

impl Shelf {
    fn failing(times: u32) -> Self {
        Self { trouble: Arc::new(times.into()), ..Self::default() }
    }

    fn bytes(&self, location: &str) -> Vec<u8> {
        self.kept.lock().unwrap()[location].clone()
    }
}

impl ResultStore for Shelf {
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
        assert!(location != "panics", "the shelf fell down");
        Ok(self.kept.lock().unwrap().get(location).cloned())
    }

    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
        let left = |n: u32| n.checked_sub(1);
        if self.trouble.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok() {
            return Err("the shelf is full".into());
        }
        self.kept.lock().unwrap().insert(location.to_owned(), bytes.to_vec());
        Ok(())
    }
}

#[test]
fn a_write_that_fails_fails_the_task_which_may_try_again() {
    #[task(target = "x.json")]
    fn once() -> i64 {
        1
    }
    #[task(target = "x.json", max_retries = 2, retry_delay = "1h")]
    fn again() -> i64 {
        2
    }
    let failed = flow!("full", result = Shelf::failing(1), { once() }).run();
    assert_eq!(states(&failed), ["once Failed"]);
    assert_eq!(message_of(&failed, "once"), "Unexpected error: the shelf is full");
    let shelf = Shelf::failing(2);
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    let flow = flow!("full", result = shelf.clone(), { again() }).with(RunSettings::new().clock(clock));
    assert_eq!(states(&flow.run()), ["again Success"]);
    assert_eq!(shelf.bytes("x.json"), b"2");
}

#[test]
fn a_store_that_panics_fails_that_task_alone() {
    #[task(target = "panics")]
    fn unlucky() -> i64 {
        1
    }
    #[task(target = "fine")]
    fn lucky() -> i64 {
        2
    }
    let run = flow!("fallen", result = Shelf::default(), { (unlucky(), lucky()) }).run();
    assert_eq!(states(&run), ["unlucky Failed", "lucky Success"]);
    let text = message_of(&run, "unlucky");
    assert!(text.starts_with("Unexpected error: panicked at ") && text.ends_with("the shelf fell down"), "{text}");
}

#[test]
fn messagepack_keeps_what_json_cannot() {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Row {
        name: String,
        share: f64,
        large: u128,
        nothing: Option<u8>,
    }
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task]
    fn row() -> Row {
        RUNS.fetch_add(1, Ordering::Relaxed);
        Row { name: "é".to_owned(), share: f64::INFINITY, large: u128::MAX, nothing: None }
    }
    #[task]
    fn nothing() -> Option<u8> {
        None
    }
    let shelf = Shelf::default();
    let result = shelf.clone().serializer(Serializer::MessagePack).location("{task_name}");
    let run = flow!("packed", result = result, { (row(), nothing()) }).run();
    let (expected, _) = run.output().unwrap();
    assert_eq!(shelf.kept.lock().unwrap().len(), 1);
    // With the names of the fields, so that one may be added later.
    assert!(String::from_utf8_lossy(&shelf.bytes("row")).contains("share"));
    #[task(target = "row")]
    fn again() -> Row {
        unreachable!("it is kept")
    }
    let result = shelf.clone().serializer(Serializer::MessagePack);
    let run = flow!("packed", result = result.clone(), { again() }).run();
    assert_eq!(run.output().unwrap(), expected);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    // A part of it, or more than it.
    let whole = shelf.bytes("row");
    for broken in [&whole[..whole.len() - 1], &[&whole[..], b"x"].concat(), b"", b"\xc1"] {
        shelf.kept.lock().unwrap().insert("row".to_owned(), broken.to_vec());
        let run = flow!("broken", result = result.clone(), { again() }).run();
        assert!(message_of(&run, "again").starts_with("Unexpected error: the result at row is no `"), "{broken:?}");
    }
}

/// The default names end as what they hold.
#[test]
fn names_tell_how_they_are_written() {
    #[task]
    fn one() -> i64 {
        1
    }
    let shelf = Shelf::default();
    let run = flow!("named", result = shelf.clone().serializer(Serializer::MessagePack), { one() }).run();
    let name = format!("named/{}/one-1.msgpack", run.id());
    assert_eq!(shelf.bytes(&name), [1]);
}
