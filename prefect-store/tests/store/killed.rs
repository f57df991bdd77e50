//! `kill -9`, in the middle.
use std::collections::BTreeMap;

use prefect_store::{Options, OwnedRun, Position, Store, StoreUrl, TaskChange};

use crate::child::{self, Other, say};
use crate::support::*;

/// How many task runs the work has: children of task 0.
const TASKS: u32 = 60;
/// At most so many are under way.
const IN_FLIGHT: usize = 4;

/// Goes on with the run `work`: what is recorded as a success is not done again. Says which task runs are acknowledged.
pub fn child(url: &StoreUrl, options: Options) {
    let store = Store::open(url, options).unwrap();
    store.reap().unwrap();
    let run = match store.run("work") {
        // Killed between the end and saying so.
        Ok(row) if row.state == S::SUCCESS => return say("done"),
        Ok(_) => child::claim(&store, "work").unwrap(),
        Err(_) => store.begin(new_run("work")).unwrap(),
    };
    let rows: BTreeMap<_, _> =
        store.recorded(run.id(), None, 1000).unwrap().into_iter().map(|(row, _)| (row.index.unwrap(), row)).collect();
    let mut under_way = Vec::new();
    for index in 0..TASKS {
        let (from, version) = rows.get(&index).map_or((S::PENDING, 0), |row| (row.state, row.version));
        if from == S::SUCCESS {
            continue;
        }
        assert_eq!(from, S::PENDING, "a dead owner's running tasks are released");
        let at = prefect_store::Micros(version.into());
        run.record(TaskChange::new(0, Some(index), (S::PENDING, S::RUNNING), 1, version + 1, at));
        let done = TaskChange::new(0, Some(index), (S::RUNNING, S::SUCCESS), 1, version + 2, at);
        let bytes = vec![index as u8; if index % 3 == 0 { 300 } else { 10 }];
        under_way.push((run.record(done.with_result(1, bytes)), index));
        if under_way.len() == IN_FLIGHT {
            acknowledge(&run, under_way.remove(0));
        }
    }
    for task in under_way {
        acknowledge(&run, task);
    }
    end(&run, S::SUCCESS);
    say("done");
}

fn acknowledge(run: &OwnedRun, (position, index): (Position, u32)) {
    run.wait(position).unwrap();
    say(index);
}

/// What was acknowledged is there, as it was.
fn nothing_is_lost(place: &Place, acknowledged: &BTreeMap<u32, u32>) {
    check(&place.sql());
    let store = place.open();
    let Ok(row) = store.run("work") else {
        assert!(acknowledged.is_empty());
        return;
    };
    for (row, result) in store.recorded(row.id, None, 1000).unwrap() {
        let index = row.index.unwrap();
        if row.state == S::SUCCESS {
            assert_eq!(result.unwrap().bytes.first(), Some(&(index as u8)));
        } else {
            assert!(!acknowledged.contains_key(&index), "task run {index} was acknowledged, and is {}", row.state);
        }
    }
    let successes = place.number("SELECT count(*) FROM task_runs WHERE state=33");
    assert!(successes as usize >= acknowledged.len());
    assert_eq!(
        place.number("SELECT count(*) FROM transitions WHERE state=33 AND task_no >= 0"),
        successes,
        "no success was recorded twice"
    );
}

/// Runs the work until it is done, killing it again and again.
fn killed_again_and_again(mut kill: impl FnMut(&mut std::process::Command) -> Option<u64>) -> usize {
    let place = Place::new();
    let mut acknowledged = BTreeMap::new();
    for kills in 0.. {
        let mut command = child::command("works", &place);
        let after = kill(&mut command);
        let mut other = Other::start(&mut command);
        let mut said = Vec::new();
        while let Some(line) = other.hear() {
            said.push(line);
            if after.is_some_and(|after| said.len() as u64 > after) {
                break;
            }
        }
        other.kill();
        for index in said.iter().filter_map(|line| line.parse().ok()) {
            *acknowledged.entry(index).or_insert(0) += 1;
        }
        assert!(acknowledged.values().all(|times| *times == 1), "acknowledged twice: {acknowledged:?}");
        nothing_is_lost(&place, &acknowledged);
        if said.last().is_some_and(|line| line == "done") {
            assert_eq!(place.number("SELECT count(*) FROM task_runs WHERE state=33"), i64::from(TASKS));
            return kills;
        }
        assert!(kills < 500, "it does not get on");
    }
    unreachable!()
}

#[test]
fn killed_at_any_call_to_the_database() {
    let mut random = Random::new();
    let mut kills = 0;
    for _ in 0..6 {
        kills += killed_again_and_again(|command| {
            // Further than what it takes to begin again, or nothing would ever be done.
            command
                .env("PREFECT_STORE_DIE_AT", (1 + random.below(crate::CALLS_OF_A_PROCESS)).to_string())
                .env("RUST_BACKTRACE", "0");
            if random.below(2) == 0 {
                command.env("PREFECT_STORE_DIE_AFTER_COMMIT", "1");
            }
            None
        });
    }
    assert!(kills > 6, "{kills} kills");
}

#[test]
fn killed_at_any_time() {
    let mut random = Random::new();
    let mut kills = 0;
    for _ in 0..6 {
        kills += killed_again_and_again(|_| Some(random.below(30)));
    }
    assert!(kills > 6, "{kills} kills");
}
