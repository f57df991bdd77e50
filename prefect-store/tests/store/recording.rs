//! What a change becomes, and which changes are refused.
use std::sync::{Arc, Mutex};

use prefect_store::{Found, Lost, LostReason, Micros, Options, Position, StoredResult, TaskChange, TaskKey};

use crate::support::*;

#[test]
fn a_change_is_a_row_and_a_transition_and_its_notifications() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let mut done = finish(0, None);
    done.message = Some("told".into());
    done.detail = Some(r#"{"loop":3}"#.into());
    done.notifications = vec![told(1, "hello")];
    record(&run, vec![start(0, None), done]);
    record(&run, vec![start(1, Some(4))]);

    let rows = store.task_runs(run.id()).unwrap();
    assert_eq!(rows.len(), 1, "children are not among them");
    let row = &rows[0];
    assert_eq!((row.state, row.version, row.attempt), (S::SUCCESS, 2, 1));
    assert_eq!((row.started_at, row.ended_at), (Some(Micros(20)), Some(Micros(30))));
    assert_eq!((row.message.as_deref(), row.detail.as_deref()), (Some("told"), Some(r#"{"loop":3}"#)));
    assert_eq!(store.result(run.id(), 0, None).unwrap(), Some(StoredResult { codec: 1, bytes: b"42".to_vec() }));
    assert_eq!(store.result(run.id(), 1, Some(4)).unwrap(), None);
    let seen: Vec<_> = store
        .transitions(run.id(), 0, 100)
        .unwrap()
        .into_iter()
        .map(|t| (t.seq, t.of, t.version, t.state, t.at.0))
        .collect();
    let task = Some(TaskKey { task: 0, index: None });
    assert_eq!(
        seen,
        [
            (1, None, 1, S::RUNNING, 10),
            (2, task, 1, S::RUNNING, 20),
            (3, task, 2, S::SUCCESS, 30),
            (4, Some(TaskKey { task: 1, index: Some(4) }), 1, S::RUNNING, 20),
        ]
    );
    assert_eq!(place.number("SELECT count(*) FROM outbox WHERE kind='slack' AND payload='hello' AND created_at=30"), 1);
    check(&place.sql());
}

#[test]
fn large_results_have_a_table_of_their_own() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let of = |size: usize| finish(0, Some(size as u32)).with_result(3, vec![9; size]);
    let sizes = [0_u32, 1, 200, 201, 100_000];
    record(&run, sizes.iter().flat_map(|size| [start(0, Some(*size)), of(*size as usize)]).collect());
    assert_eq!(place.number("SELECT count(*) FROM results"), 2);
    for size in sizes {
        let result = store.result(run.id(), 0, Some(size)).unwrap().unwrap();
        assert_eq!((result.codec, result.bytes), (3, vec![9; size as usize]));
    }
    // Another attempt gives less, and then nothing.
    let again = |from, to, version| TaskChange::new(0, Some(201), (from, to), 2, version, Micros(50));
    record(&run, vec![again(S::SUCCESS, S::RUNNING, 3), again(S::RUNNING, S::SUCCESS, 4).with_result(1, vec![1])]);
    assert_eq!(store.result(run.id(), 0, Some(201)).unwrap().unwrap().bytes, [1]);
    record(&run, vec![again(S::SUCCESS, S::RUNNING, 5)]);
    assert_eq!(store.result(run.id(), 0, Some(201)).unwrap(), None);
    record(&run, vec![again(S::RUNNING, S::SUCCESS, 6).with_result(1, vec![2; 300])]);
    assert_eq!(store.result(run.id(), 0, Some(201)).unwrap().unwrap().bytes, [2; 300]);
    let all = store.recorded(run.id(), None, 100).unwrap();
    assert_eq!(all.len(), sizes.len());
    assert_eq!(all.last().unwrap().1.as_ref().unwrap().bytes.len(), 100_000);
    check(&place.sql());
}

/// What becomes of changes that do not follow: those before are recorded, they and all after them are not.
fn refused(good: Vec<TaskChange>, bad: TaskChange) -> (Lost, Vec<String>) {
    let mut seen = Vec::new();
    // In one batch, and each in its own.
    for together in [true, false] {
        let place = Place::new();
        let store = place.open_with(Options::default().clock(Time::new().clock()));
        let run = store.begin(new_run("one")).unwrap();
        let news = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&news);
        run.on_commit(Box::new(move |told| heard.lock().unwrap().push(told)));
        let mut changes = good.clone();
        changes.extend([bad.clone(), start(9, None)]);
        let last = if together {
            run.record_many(changes).unwrap()
        } else {
            let mut last = Position(0);
            for change in changes {
                last = run.record(change);
                let _ = run.wait(last);
            }
            last
        };
        let lost = run.wait(last).unwrap_err();
        assert_eq!(run.wait(Position(good.len() as u64)), Ok(()), "those before are recorded");
        assert_eq!(run.wait(Position(good.len() as u64 + 1)), Err(lost.clone()));
        assert_eq!(run.lost(), Some(lost.clone()));
        let told = news.lock().unwrap();
        assert_eq!(told.iter().filter(|told| told.is_err()).collect::<Vec<_>>(), [&Err(lost.clone())], "told once");
        // Nobody goes on with it here.
        drop(run);
        assert_eq!(store.reap().unwrap(), []);
        assert_eq!(store.run("one").unwrap().state, S::CRASHED);
        check(&place.sql());
        seen.push((lost.reason, dump(&place.sql())));
    }
    let (one, other) = (seen.remove(0), seen.remove(0));
    assert_eq!(one.0, other.0);
    assert_eq!(one.1, other.1);
    let lost = Lost { run: prefect_store::RunId::from_bytes([0; 16]), reason: one.0 };
    (lost, one.1)
}

#[test]
fn what_does_not_follow_is_refused() {
    let good = || vec![start(0, None), finish(0, None), start(1, Some(2))];
    let change = |task, index, from, to, attempt, version| {
        TaskChange::new(task, index, (from, to), attempt, version, Micros(60))
    };
    let found = |state, version, attempt| Some(Found { state, version, attempt });
    let cases = [
        // The same once more.
        (start(0, None), found(S::SUCCESS, 2, 1)),
        (finish(0, None), found(S::SUCCESS, 2, 1)),
        // One is left out.
        (change(0, None, S::SUCCESS, S::RUNNING, 2, 4), found(S::SUCCESS, 2, 1)),
        // From another state.
        (change(1, Some(2), S::CANCELLING, S::SUCCESS, 1, 2), found(S::RUNNING, 1, 1)),
        // Of an older attempt.
        (change(1, Some(2), S::RUNNING, S::SUCCESS, 0, 2), found(S::RUNNING, 1, 1)),
        // Of what never began.
        (finish(1, Some(3)), None),
    ];
    for (bad, found) in cases {
        let task = Some((bad.task, bad.index));
        let (lost, rows) = refused(good(), bad.clone());
        assert_eq!(lost.reason, LostReason::Refused { task, version: bad.version, found }, "{bad:?}");
        assert_eq!(rows.iter().filter(|row| row.starts_with("transitions")).count(), 6, "{rows:?}");
    }
}

/// That a change does not follow from the database is found later than that it does not follow from the one before.
#[test]
fn of_two_refusals_the_first_counts() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let never_began = finish(5, None);
    let last = run.record_many([start(0, None), never_began, start(1, None), start(1, None)]).unwrap();
    let lost = run.wait(last).unwrap_err();
    assert_eq!(lost.reason, LostReason::Refused { task: Some((5, None)), version: 2, found: None });
    assert_eq!((run.wait(Position(1)), run.wait(Position(2))), (Ok(()), Err(lost)));
    assert_eq!(store.task_runs(run.id()).unwrap().len(), 1);
}

#[test]
fn refusals_are_sentences() {
    let (lost, _) = refused(vec![start(0, None)], finish(0, Some(7)));
    assert_eq!(
        lost.to_string(),
        "run 00000000 is no longer recorded by this process: change 2 of child 7 of task 0 does not follow from what the store \
         has: no change at all"
    );
    let (lost, _) = refused(vec![start(0, None)], start(0, None));
    assert_eq!(
        lost.to_string(),
        "run 00000000 is no longer recorded by this process: change 1 of task 0 does not follow from what the store has: \
         Running, change 1, attempt 1"
    );
}

#[test]
fn a_flow_change_follows_the_one_before() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let position = run.record_run(flow_change(S::CANCELLING, 2));
    run.wait(position).unwrap();
    let lost = run.wait(run.record_run(flow_change(S::SUCCESS, 2))).unwrap_err();
    assert_eq!(
        lost.reason,
        LostReason::Refused {
            task: None,
            version: 2,
            found: Some(Found { state: S::CANCELLING, version: 2, attempt: 0 })
        }
    );
    assert_eq!(store.run("one").unwrap().state, S::CANCELLING);
}

#[test]
fn counters_follow_every_change() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let step = |from, to, attempt, version| TaskChange::new(0, None, (from, to), attempt, version, Micros(60));
    let counts = || {
        let row = store.run("one").unwrap();
        check(&place.sql());
        (row.n_ok, row.n_failed)
    };
    record(&run, vec![start(0, None), step(S::RUNNING, S::FAILED, 1, 2)]);
    assert_eq!(counts(), (0, 1));
    record(&run, vec![step(S::FAILED, S::RETRYING, 1, 3)]);
    assert_eq!(counts(), (0, 0));
    record(&run, vec![step(S::RETRYING, S::RUNNING, 2, 4), step(S::RUNNING, S::TIMED_OUT, 2, 5)]);
    assert_eq!(counts(), (0, 1));
    record(&run, vec![step(S::TIMED_OUT, S::RUNNING, 3, 6), step(S::RUNNING, S::CACHED, 3, 7), start(1, None)]);
    assert_eq!(counts(), (1, 0));
    end(&run, S::SUCCESS);
    assert_eq!(counts(), (1, 0));
}

#[test]
fn what_is_told_is_committed_and_in_order() {
    let place = Place::new();
    let store = place.open();
    let run = Arc::new(store.begin(new_run("one")).unwrap());
    let other = store.begin(new_run("two")).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (heard, reader, id) = (Arc::clone(&told), place.open(), run.id());
    run.on_commit(Box::new(move |news| {
        let recorded = reader.transitions(id, 1, 100_000).unwrap().len();
        heard.lock().unwrap().push((news.unwrap(), recorded));
    }));
    // Four threads, so that batches are of every size; each looks after a task of its own.
    std::thread::scope(|scope| {
        for task in 0..4 {
            let run = Arc::clone(&run);
            let other = (task == 0).then_some(&other);
            scope.spawn(move || {
                for index in 0..200 {
                    run.record(start(task, Some(index)));
                    let position = run.record(finish(task, Some(index)));
                    if let Some(other) = other {
                        other.record(start(0, Some(index)));
                    }
                    if index % (task + 2) == 0 {
                        run.wait(position).unwrap();
                    }
                }
            });
        }
    });
    end(&run, S::SUCCESS);
    let told = told.lock().unwrap();
    assert!(told.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "in order");
    // Positions count the changes of both runs: what is committed of this one cannot be less than all but those.
    for (position, recorded) in told.iter() {
        assert!(position.0 as usize <= recorded + 200, "{position:?} is told, and {recorded} are there");
    }
    assert_eq!(told.last().unwrap().1, 4 * 200 * 2 + 1);
    check(&place.sql());
}

#[test]
fn who_panics_while_listening_stops_nobody() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    run.on_commit(Box::new(|_| panic!("at the listener")));
    record(&run, vec![start(0, None)]);
    record(&run, vec![finish(0, None)]);
    end(&run, S::SUCCESS);
}

#[test]
fn what_has_ended_is_given_up() {
    for state in [S::SUCCESS, S::FAILED, S::CANCELLED, S::PAUSED] {
        let place = Place::new();
        let store = place.open();
        let run = store.begin(new_run("one")).unwrap();
        // In the same batch, and in the next one.
        let end = run.record_run(flow_change(state, 2));
        let late = run.record(start(0, None));
        assert_eq!(run.wait(end), Ok(()));
        assert_eq!(run.wait(late).unwrap_err().reason, LostReason::GivenUp);
        assert_eq!(run.wait(run.record(start(0, None))).unwrap_err().reason, LostReason::GivenUp);
        let row = store.run("one").unwrap();
        assert_eq!((row.state, row.owner.clone()), (state, None));
        assert_eq!(row.ended_at.is_some(), state != S::PAUSED);
        drop(run);
        assert_eq!(store.run("one").unwrap().state, state, "it did not crash");
        check(&place.sql());
    }
}

#[test]
fn what_is_dropped_has_crashed() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    run.record_many([start(0, None), start(1, None), finish(1, None)]);
    drop((run, store));
    let store = place.open();
    let row = store.run("one").unwrap();
    assert_eq!((row.state, row.crashes, row.owner), (S::CRASHED, 0, None), "its process lives");
    let tasks: Vec<_> = store.task_runs(row.id).unwrap().iter().map(|t| (t.state, t.version, t.attempt)).collect();
    assert_eq!(tasks, [(S::PENDING, 2, 1), (S::SUCCESS, 2, 1)]);
    check(&place.sql());
}

/// What a task run is, as told by the changes alone.
#[test]
fn random_changes_become_what_a_model_says() {
    let mut random = Random::new();
    for _ in 0..30 {
        let place = Place::new();
        let store = place.open();
        let run = store.begin(new_run("one")).unwrap();
        let mut model = std::collections::BTreeMap::new();
        let mut log = Vec::new();
        for _ in 0..1 + random.below(40) {
            let mut changes = Vec::new();
            for _ in 0..1 + random.below(30) {
                let task = random.below(3) as u32;
                let index = random.below(4).checked_sub(1).map(|index| index as u32);
                let state = S::ALL[random.below(S::ALL.len() as u64) as usize];
                let (from, version, attempt, _) =
                    model.get(&(task, index)).cloned().unwrap_or((S::PENDING, 0_u32, 1_u32, None));
                let attempt = attempt + (random.below(5) == 0) as u32;
                let mut change =
                    TaskChange::new(task, index, (from, state), attempt, version + 1, Micros(log.len() as i64));
                if random.below(2) == 0 {
                    change = change.with_result(random.below(3) as u8, vec![5; random.below(400) as usize]);
                }
                model.insert((task, index), (state, version + 1, attempt, change.result.clone()));
                log.push((task, index, state));
                changes.push(change);
            }
            if random.below(2) == 0 {
                record(&run, changes);
            } else {
                run.record_many(changes);
            }
        }
        end(&run, S::FAILED);
        check(&place.sql());
        let found: Vec<_> = store
            .recorded(run.id(), None, 1000)
            .unwrap()
            .into_iter()
            .map(|(row, result)| ((row.task, row.index), (row.state, row.version, row.attempt, result)))
            .collect();
        assert_eq!(found, model.into_iter().collect::<Vec<_>>());
        let transitions: Vec<_> = store
            .transitions(run.id(), 1, 100_000)
            .unwrap()
            .into_iter()
            .filter_map(|t| t.of.map(|of| (of.task, of.index, t.state)))
            .collect();
        assert_eq!(transitions, log);
    }
}

/// Letters that nothing makes shorter.
fn letters(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| char::from(b'!' + random.below(90) as u8)).collect()
}

#[test]
fn what_is_too_long_to_be_kept_is_cut_and_refuses_nothing() {
    let place = Place::new();
    let store = place.open();
    let mut random = Random::new();
    let mut new = new_run(&letters(&mut random, 9000));
    new.flow = "\u{e4}".repeat(5000);
    let (name, flow) = (new.name.clone(), new.flow.clone());
    let run = store.begin(new).unwrap();
    let long = "\u{20ac}".repeat(1 << 20);
    let because = letters(&mut random, 5000);
    let change = |child: u32, cause: &str| {
        let mut change = start(0, Some(child));
        change.message = Some(long.clone().into());
        change.detail = Some(format!("{{\"start\":7,\"error\":\"{long}\"}}").into());
        change.notifications = vec![told_because(1, cause)];
        change
    };
    // They differ where nobody looks any more.
    record(&run, vec![change(0, &format!("{because} one")), change(1, &format!("{because} two"))]);
    let mut last = flow_change(S::FAILED, run.version() + 1);
    last.message = Some(long.clone().into());
    run.wait(run.record_run(last)).unwrap();

    let row = store.run(&name).unwrap();
    assert!(row.name.len() <= 1000 && name.starts_with(row.name.trim_end_matches('\u{2026}')), "{}", row.name);
    let of_flow = store.runs(&prefect_store::RunFilter { flow: Some(flow), ..Default::default() }).unwrap();
    assert_eq!((of_flow.len(), row.flow.len() <= 1000, row.flow.ends_with("\u{e4}\u{2026}")), (1, true, true));
    let child = &store.children(run.id(), 0, 0, 10).unwrap()[0];
    for message in [row.message.unwrap(), child.message.clone().unwrap()] {
        assert!(
            message.ends_with("\u{20ac}\u{2026}") && (65_000..=65_536).contains(&message.len()),
            "{}",
            message.len()
        );
    }
    let detail = child.detail.as_deref().unwrap();
    assert!(detail.len() < 66_000 && detail.ends_with("\u{2026}\",\"start\":7}"), "{}", detail.len());
    drop((run, store));
    let wanted = prefect_store::Wanted::Due { kind: "slack".into(), to: "HOOK".into(), limit: 9 };
    let causes = place.open().take_notifications(wanted).unwrap().remove(0).causes;
    assert_eq!((causes.len(), causes[0].1, causes[0].0.len() <= 1000), (1, 2, true));
    check(&place.sql());
}
