//! What a server does in its own way: texts, large results, locks, clocks.
use std::time::Duration;

use prefect_store::{LostReason, Options, StoreError, TaskChange};

use crate::support::*;

/// PostgreSQL's texts have none.
#[test]
fn a_nul_in_a_text_is_replaced() {
    let place = Place::new();
    let store = place.open();
    let mut new = new_run("na\0me");
    new.flow = "fl\0ow".into();
    let run = store.begin(new).unwrap();
    let mut told = finish(0, None);
    told.message = Some("it\0broke".into());
    told.notifications = vec![crate::support::told(1, "a\0b")];
    record(&run, vec![start(0, None), told]);
    assert_eq!(store.task_runs(run.id()).unwrap()[0].message.as_deref(), Some("it\u{fffd}broke"));
    assert_eq!(store.run("na\0me").unwrap().flow, "fl\u{fffd}ow");
    assert_eq!(place.sql().rows("SELECT payload FROM outbox"), [["a\u{fffd}b"]]);
    end(&run, S::SUCCESS);
}

/// More than one message to the server could carry, if there were more of it.
#[test]
fn many_large_results_are_one_transaction_all_the_same() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let large = |i: u32| finish(0, Some(i)).with_result(1, vec![i as u8; 5 << 20]);
    record(&run, (0..5).flat_map(|i| [start(0, Some(i)), large(i)]).collect());
    for i in 0..5 {
        let bytes = store.result(run.id(), 0, Some(i)).unwrap().unwrap().bytes;
        assert!(bytes.len() == 5 << 20 && bytes.iter().all(|byte| *byte == i as u8), "{i}");
    }
    // What does not follow takes all of it along.
    let changes: Vec<TaskChange> =
        (5..10).flat_map(|i| [start(0, Some(i)), large(i)]).chain([start(0, Some(0))]).collect();
    let last = run.record_many(changes).unwrap();
    assert!(matches!(run.wait(last).unwrap_err().reason, LostReason::Refused { task: Some((0, Some(0))), .. }));
    check(&place.sql());
}

#[test]
fn a_program_that_holds_a_row_is_waited_for() {
    let place = Place::new();
    let store = place.open_with(Options::default().busy_timeout(Duration::from_millis(50)));
    let run = store.begin(new_run("one")).unwrap();
    let shell = place.sql();
    shell.execute_batch("BEGIN; UPDATE flow_runs SET message = 'mine'").unwrap();
    let position = run.record_many([start(0, None), finish(0, None)]).unwrap();
    let other = place.open_with(Options::default().busy_timeout(Duration::from_millis(50)));
    let busy = other.cancel(run.id(), "anna").unwrap_err().to_string();
    assert!(busy.starts_with("another program holds postgres://") && busy.contains("(waited 50ms for it)"), "{busy}");
    assert_eq!(store.task_runs(run.id()).unwrap(), [], "readers are not held up");
    shell.execute_batch("COMMIT").unwrap();
    run.wait(position).unwrap();
    end(&run, S::SUCCESS);
    check(&place.sql());
}

/// The number of the lock that a schema has.
fn lock_of(schema: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    schema.bytes().fold(0xcbf2_9ce4_8422_2325, step).cast_signed()
}

/// Real time with a short lease: whoever waits for a lock is not taken for dead.
#[test]
fn signs_of_life_are_given_while_a_lock_is_waited_for() {
    let place = Place::new();
    let mut options = Options::default().lease(Duration::from_millis(600));
    options.machine.host = "there".into();
    let store = place.open_with(options);
    let run = store.begin(new_run("one")).unwrap();
    let mut shell = place.sql();
    // What has waited read the time before.
    shell
        .execute_batch(
            "CREATE FUNCTION is_longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF new.lease_until < old.lease_until THEN RAISE EXCEPTION 'a shorter lease'; END IF; RETURN new; END $$; \
             CREATE TRIGGER is_longer BEFORE UPDATE ON processes FOR EACH ROW EXECUTE FUNCTION is_longer()",
        )
        .unwrap();
    let schema = place.url().to_string().rsplit('=').next().unwrap().to_owned();
    let held = format!("BEGIN; SELECT pg_advisory_xact_lock({})", lock_of(&schema));
    for hold in [&*held, "BEGIN; UPDATE flow_runs SET message = 'mine' WHERE name = 'one'"] {
        shell.execute_batch(hold).unwrap();
        let lease = |shell: &Sql| shell.number("SELECT lease_until FROM processes");
        let before = lease(&shell);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let begun = store.begin(new_run("two")).map(|run| end(&run, S::SUCCESS));
                begun.map(|()| run.wait(run.record(start(0, Some(before as u32)))))
            });
            // Two leases long.
            while lease(&shell) < before + 1_200_000 && !waits.is_finished() {}
            assert!(!waits.is_finished(), "{hold}");
            shell.execute_batch("COMMIT").unwrap();
            waits.join().unwrap().unwrap().unwrap();
        });
        shell = place.sql();
        assert_eq!(place.open_with(Options::default().lease(Duration::from_millis(600))).reap().unwrap(), []);
    }
    end(&run, S::SUCCESS);
    check(&place.sql());
}

/// A runtime cannot wait within another one.
#[test]
fn it_is_used_within_a_runtime() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = place.open();
        let run = store.begin(new_run("one")).unwrap();
        record(&run, vec![start(0, None), finish(0, None)]);
        end(&run, S::SUCCESS);
        assert_eq!(store.task_runs(run.id()).unwrap().len(), 1);
        drop((run, store));
    });
    assert_eq!(place.open().run("one").unwrap().state, S::SUCCESS);
}

#[test]
fn a_store_is_counted() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    record(&run, (0..100).flat_map(|i| [start(0, Some(i)), finish(0, Some(i))]).collect());
    end(&run, S::SUCCESS);
    let checkup = store.check().unwrap();
    assert_eq!(
        (checkup.version, checkup.runs, checkup.task_runs, checkup.transitions),
        (prefect_store::TABLES_VERSION, 1, 100, 202)
    );
    assert!(checkup.engine.starts_with("PostgreSQL "), "{}", checkup.engine);
    assert!((50_000..2_000_000).contains(&checkup.database), "{}", checkup.database);
    assert_eq!((checkup.log, checkup.unused, checkup.damage.len()), (None, None, 0));
}

/// The clocks of two machines need not agree: the server's counts.
#[test]
fn a_machine_whose_clock_is_wrong_is_not_taken_for_dead() {
    const HOUR: i64 = 3_600_000_000;
    let at = |host: &str, off: i64| {
        let mut options = on_machine(host, &Time::new());
        options.clock = prefect_store::Clock::off_by(off);
        options
    };
    for off in [-HOUR, HOUR] {
        let place = Place::new();
        let (there, here) = (place.open_with(at("there", off)), place.open_with(at("here", 0)));
        let run = there.begin(new_run("one")).unwrap();
        let mine = here.begin(new_run("two")).unwrap();
        assert_eq!(here.reap().unwrap(), [], "{off}");
        assert_eq!(there.reap().unwrap(), [], "{off}");
        let lease =
            "SELECT count(*) FROM processes WHERE abs(lease_until - extract(epoch FROM now()) * 1000000) < 60000000";
        assert_eq!(place.number(lease), 2);
        end(&run, S::SUCCESS);
        end(&mine, S::SUCCESS);
    }
}

#[test]
fn old_runs_are_removed_with_all_that_they_have() {
    let place = Place::new();
    let store = place.open();
    for name in ["old", "young"] {
        let run = store.begin(new_run(name)).unwrap();
        run.tell_of_crash(vec![message("HOOK", "gone")]).unwrap();
        let mut done = finish(0, None).with_result(1, vec![1; 1000]);
        done.notifications = vec![told_because(1, "because")];
        record(&run, vec![start(0, None), done, start(0, Some(0)), finish(0, Some(0))]);
        let mut last = flow_change(S::SUCCESS, run.version() + 1);
        last.at = prefect_store::Micros(if name == "old" { 100 } else { 200 });
        run.wait(run.record_run(last)).unwrap();
        store.mark(vec![prefect_store::Mark { of: run.tickets().of(1), fate: prefect_store::Fate::Sent }]);
        store.wait_for_marks().unwrap();
    }
    let old = prefect_store::Prune { ended_before: prefect_store::Micros(150), keep: 0 };
    assert_eq!(store.count_prunable(&old).unwrap().runs, 1);
    assert_eq!(store.prune(&old, |_| {}).unwrap().runs, 1);
    let tables =
        ["flow_runs", "task_runs", "results", "transitions", "outbox", "outbox_causes", "crash_notices", "pruned"];
    let rows = tables.map(|table| place.number(&format!("SELECT count(*) FROM {table}")));
    assert_eq!(rows, [1, 2, 1, 6, 1, 1, 1, 0]);
    assert_eq!(store.run("young").unwrap().n_ok, 2);
    check(&place.sql());
    // A copy is the server's business.
    let error = store.backup(&place.folder().join("copy.db"), |_, _| {}).unwrap_err();
    assert_eq!(error, StoreError::NoBackup(place.location()));
    assert!(error.to_string().contains(" is on a PostgreSQL server: copy it with `pg_dump --schema=test_"), "{error}");
}
