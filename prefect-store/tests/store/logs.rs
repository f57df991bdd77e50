//! Log lines of runs: what is read of them, and what is left out or removed.
use std::time::{Duration, Instant};

use prefect_store::{
    Fault, LogFilter, LogLevel, LogLine, LogPage, LogsOf, Micros, Options, RecordedLine, Store, TaskKey,
};

use crate::support::*;

fn line(task: Option<(u32, Option<u32>)>, level: LogLevel, message: &str) -> LogLine {
    LogLine {
        task: task.map(|(task, index)| TaskKey { task, index }),
        attempt: 1,
        at: Micros(20),
        level,
        target: "etl".into(),
        message: message.to_owned(),
    }
}

fn info(message: &str) -> LogLine {
    line(None, LogLevel::Info, message)
}

fn messages(lines: &[RecordedLine]) -> Vec<&str> {
    lines.iter().map(|line| line.line.message.as_str()).collect()
}

/// Looks until it is so. The writer does it by itself, some milliseconds later.
fn wait_until(so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_mins(1), "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn lines_are_read_in_their_order_and_by_what_is_asked() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let other = store.begin(new_run("other")).unwrap();
    run.log(line(Some((0, None)), LogLevel::Info, "a"));
    other.log(info("of the other"));
    run.log(LogLine { attempt: 2, ..line(Some((0, None)), LogLevel::Error, "b") });
    run.log(line(Some((1, Some(0))), LogLevel::Debug, "c"));
    run.log(line(Some((1, Some(7))), LogLevel::Warn, "d\n\u{1b}[2J"));
    run.log(line(None, LogLevel::Trace, "e"));
    end(&run, S::SUCCESS);
    let read = |filter: LogFilter| {
        let lines = store.logs(run.id(), &filter).unwrap();
        lines.iter().map(|line| line.line.message[..1].to_owned()).collect::<String>()
    };
    let all = LogFilter::default;
    assert_eq!(read(all()), "abcde");
    assert_eq!(read(LogFilter { of: LogsOf::Task(1), ..all() }), "cd");
    assert_eq!(read(LogFilter { of: LogsOf::TaskRun(TaskKey { task: 1, index: Some(7) }), ..all() }), "d");
    assert_eq!(read(LogFilter { of: LogsOf::TaskRun(TaskKey { task: 0, index: None }), ..all() }), "ab");
    assert_eq!(read(LogFilter { attempt: Some(2), ..all() }), "b");
    assert_eq!(read(LogFilter { level: LogLevel::Warn, ..all() }), "bd");
    assert_eq!(read(LogFilter { level: LogLevel::Info, page: LogPage::Last(2), ..all() }), "bd");
    assert_eq!(read(LogFilter { page: LogPage::After(3, 1), ..all() }), "d");
    assert_eq!(read(LogFilter { page: LogPage::After(5, 9), ..all() }), "");
    let lines = store.logs(run.id(), &all()).unwrap();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(lines[3].line, line(Some((1, Some(7))), LogLevel::Warn, "d\n\u{1b}[2J"));
    assert_eq!(messages(&store.logs(other.id(), &all()).unwrap()), ["of the other"]);
}

/// A statement is a round trip to a server, while all others wait who write something rare.
#[test]
fn many_lines_are_few_statements() {
    let place = Place::new();
    let options = Options::default();
    let faults = options.faults.clone();
    let store = place.open_with(options);
    let run = store.begin(new_run("one")).unwrap();
    let before = faults.calls();
    let texts: Vec<String> = (0..1000).map(|i| format!("line {i}")).collect();
    texts.iter().for_each(|text| run.log(info(text)));
    end(&run, S::SUCCESS);
    let calls = faults.calls() - before;
    assert!(calls < 200, "{calls}");
    assert_eq!(messages(&all_lines(&store, &run)), texts);
}

/// Where a database cannot keep a text as it is, what is kept counts: else too much would be taken off when it is removed.
#[test]
fn what_is_counted_is_what_is_kept() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    for text in ["\0\0\0", "a\0b", "é", ""] {
        run.log(LogLine { target: "e\0tl".into(), ..info(text) });
    }
    end(&run, S::SUCCESS);
    let kept = place.number("SELECT CAST(sum(octet_length(target) + octet_length(message) + 40) AS bigint) FROM logs");
    assert_eq!(place.number("SELECT bytes FROM run_logs"), kept);
    assert_eq!(all_lines(&store, &run).len(), 4);
}

#[test]
fn lines_come_without_the_end_of_the_run_and_go_on_in_another_process() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    run.log(info("a"));
    wait_until(|| store.logs(run.id(), &LogFilter::default()).unwrap().len() == 1);
    run.log(info("b"));
    // The store is closed: what waits is written.
    let id = run.id();
    drop((run, store));
    let store = place.open();
    let row = store.run("one").unwrap();
    let again = store.claim(&row, prefect_store::Parked::Refuse).unwrap();
    again.log(info("c"));
    end(&again, S::SUCCESS);
    let lines = store.logs(id, &LogFilter::default()).unwrap();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(messages(&lines), ["a", "b", "c"]);
}

/// A disk that is full or a database that is held: changes are what matters.
#[test]
fn what_finds_no_room_is_counted_and_the_run_is_recorded_all_the_same() {
    let place = Place::new();
    let options = Options::default();
    let faults = options.faults.clone();
    let store = place.open_with(options);
    let run = store.begin(new_run("one")).unwrap();
    faults.fail(1, u64::MAX / 2, Fault::Full);
    for i in 0..50_000 {
        run.log(info(&i.to_string()));
    }
    faults.heal();
    end(&run, S::SUCCESS);
    let lines = all_lines(&store, &run);
    let last = &lines.last().unwrap().line;
    assert_eq!((last.level, &*last.target), (LogLevel::Warn, "prefect.Store"), "{last:?}");
    assert!(last.message.ends_with(" log lines were left out: not all that came could be written"), "{last:?}");
    let (told, kept): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.line.level == LogLevel::Warn);
    let left_out: usize =
        told.iter().map(|line| line.line.message.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(kept.len() + left_out, 50_000);
    assert!(lines.len() > 10_000, "{}", lines.len());
    // In the order in which they came, with those missing that came last.
    assert!(lines[..10_000].iter().enumerate().all(|(i, line)| line.line.message == i.to_string()));
    check(&place.sql());
}

fn all_lines(store: &Store, run: &prefect_store::OwnedRun) -> Vec<RecordedLine> {
    store.logs(run.id(), &LogFilter { page: LogPage::After(0, u32::MAX), ..LogFilter::default() }).unwrap()
}

/// Three runs of which lines wait together, and the database takes none of them because of one.
fn of_which_one_is_refused(place: &Place) -> (Store, [prefect_store::OwnedRun; 3]) {
    let store = place.open();
    let runs = ["one", "two", "holder"].map(|name| store.begin(new_run(name)).unwrap());
    let [refuses_bad, _] = crate::refuses_lines("message", "bad");
    place.sql().execute_batch(&refuses_bad).unwrap();
    let held = hold_writer(&runs[2]);
    for (run, text) in [(0, "a"), (1, "b"), (0, "bad"), (0, "c"), (1, "d")] {
        runs[run].log(info(text));
    }
    drop(held);
    (store, runs)
}

const THREE_ARE_MISSING: &str = "3 log lines were left out: not all that came could be written";

#[test]
fn lines_that_the_database_refuses_are_counted_and_cost_no_other_run_its_own() {
    let place = Place::new();
    let (store, [one, two, holder]) = of_which_one_is_refused(&place);
    end(&two, S::SUCCESS);
    assert_eq!(messages(&all_lines(&store, &two)), ["b", "d"]);
    end(&one, S::SUCCESS);
    assert_eq!(messages(&all_lines(&store, &one)), [THREE_ARE_MISSING]);
    end(&holder, S::SUCCESS);
    check(&place.sql());
}

#[test]
fn lines_that_are_refused_when_the_store_is_closed_are_counted() {
    let place = Place::new();
    let (store, runs) = of_which_one_is_refused(&place);
    let [one, two, _] = runs.each_ref().map(prefect_store::OwnedRun::id);
    drop((runs, store));
    let store = place.open();
    let read = |run| store.logs(run, &LogFilter::default()).unwrap();
    assert_eq!((messages(&read(one)), messages(&read(two))), (vec![THREE_ARE_MISSING], vec!["b", "d"]));
}

/// Not even that some are missing can be written: it is said as soon as it can be.
#[test]
fn how_many_lines_are_missing_is_not_forgotten() {
    let place = Place::new();
    let (store, [one, two, holder]) = of_which_one_is_refused(&place);
    let [refuses_counts, takes_them] = crate::refuses_lines("target", "prefect.Store");
    place.sql().execute_batch(&refuses_counts).unwrap();
    for run in [&two, &holder] {
        run.log(info("f"));
        end(run, S::SUCCESS);
    }
    place.sql().execute_batch(&takes_them).unwrap();
    end(&one, S::SUCCESS);
    assert_eq!(messages(&all_lines(&store, &one)), [THREE_ARE_MISSING]);
    assert_eq!(messages(&all_lines(&store, &two)), ["b", "d", "f"]);
}

/// Whatever goes wrong where lines are written: the run ends well.
#[test]
fn no_fault_of_a_line_is_one_of_the_run() {
    for fault in [Fault::Busy, Fault::Io, Fault::Full, Fault::AnswerLost] {
        for nth in 1..=5 {
            let place = Place::in_memory();
            let options = Options::default();
            let faults = options.faults.clone();
            let store = place.open_with(options);
            let run = store.begin(new_run("one")).unwrap();
            faults.fail(nth, 1, fault);
            run.log(info("a"));
            run.log(info("b"));
            record(&run, vec![start(0, None), finish(0, None)]);
            end(&run, S::SUCCESS);
            let id = run.id();
            drop((run, store));
            let store = place.open();
            assert_eq!(store.run("one").unwrap().state, S::SUCCESS, "{fault:?} {nth}");
            let lines = store.logs(id, &LogFilter::default()).unwrap();
            // Twice, if only the answer to the commit was lost.
            let twice = fault == Fault::AnswerLost && messages(&lines) == ["a", "b", "a", "b"];
            assert!(messages(&lines) == ["a", "b"] || twice, "{fault:?} {nth}: {lines:?}");
        }
    }
}

#[test]
fn lines_of_a_run_that_is_gone_are_left_out() {
    let place = Place::new();
    let store = place.open();
    let (gone, stays) = (store.begin(new_run("gone")).unwrap(), store.begin(new_run("stays")).unwrap());
    place.sql().execute_batch("DELETE FROM flow_runs WHERE name='gone'").unwrap();
    gone.log(info("a"));
    stays.log(info("b"));
    end(&stays, S::SUCCESS);
    assert_eq!(messages(&store.logs(stays.id(), &LogFilter::default()).unwrap()), ["b"]);
    assert_eq!(place.number("SELECT count(*) FROM logs"), 1);
    assert_eq!(place.number("SELECT count(*) FROM run_logs"), 1);
}

#[test]
fn lines_go_when_they_are_old() {
    let place = Place::new();
    let time = Time::new();
    let options = || Options::default().clock(time.clock()).keep_logs(Duration::from_hours(24), u64::MAX);
    let store = place.open_with(options());
    let old = store.begin(new_run("old")).unwrap();
    for i in 0..1200 {
        old.log(info(&i.to_string()));
    }
    end(&old, S::SUCCESS);
    time.pass(Duration::from_hours(23));
    let young = store.begin(new_run("young")).unwrap();
    young.log(info("young"));
    end(&young, S::SUCCESS);
    assert_eq!(all_lines(&store, &old).len(), 1200);
    time.pass(Duration::from_hours(2));
    drop(store);
    // Whoever writes lines next removes them, a little at a time.
    let store = place.open_with(options());
    let next = store.begin(new_run("next")).unwrap();
    next.log(info("next"));
    wait_until(|| all_lines(&store, &old).is_empty());
    assert_eq!((all_lines(&store, &young).len(), all_lines(&store, &next).len()), (1, 1));
    assert_eq!(place.number("SELECT bytes FROM run_logs WHERE run_no=1"), 0);
}

#[test]
fn the_oldest_lines_go_when_there_are_too_many() {
    let place = Place::new();
    let store = place.open_with(Options::default().keep_logs(Duration::MAX, 100_000));
    let text = "x".repeat(57);
    let of = |name: &str| {
        let run = store.begin(new_run(name)).unwrap();
        // Of 100 bytes each, as they are counted.
        (0..600).for_each(|_| run.log(info(&text)));
        end(&run, S::SUCCESS);
        run
    };
    let (first, second) = (of("first"), of("second"));
    wait_until(|| place.number("SELECT sum(bytes) FROM run_logs") <= 100_000);
    let left = all_lines(&store, &first);
    assert_eq!((left.len(), left[0].number), (100, 501));
    assert_eq!(all_lines(&store, &second).len(), 600);
    assert_eq!(place.number("SELECT sum(bytes) FROM run_logs"), 70_000);
}
