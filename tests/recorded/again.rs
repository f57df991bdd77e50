//! What a run that goes on makes anew, because what it was made of is made anew, or is gone.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use prefect::prelude::*;
use prefect::store::{RunId, StateCode, Store};
use prefect::{Approval, Config, Executor, Flow, FlowOutput, Outcome, Retry, RunSettings};

use crate::changes::changes;
use crate::{Folder, executors, settings};

/// How often a run of the flow was started or gone on with.
#[derive(Clone, Default)]
struct Round(Arc<AtomicU32>);

impl Round {
    fn now(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// What works from this round on.
    fn works_in<T>(&self, round: u32, value: T) -> Result<T, String> {
        if self.now() >= round { Ok(value) } else { Err("not yet".to_owned()) }
    }
}

/// A run of a flow, round by round.
struct Rounds<O> {
    folder: Folder,
    store: Store,
    round: Round,
    flow: Flow<O>,
    run: RunId,
    seen: usize,
}

impl<O: FlowOutput> Rounds<O> {
    fn start(flow: Flow<O>, settings: impl Fn(&Store) -> RunSettings) -> Self {
        let (folder, round) = (Folder::new(), Round::default());
        let store = folder.store();
        let flow = flow.share(round.clone()).with(settings(&store));
        let run = flow.run().id().parse().unwrap();
        let seen = changes(&store, run).len();
        Self { folder, store, round, flow, run, seen }
    }

    fn retry(&mut self, retry: &Retry) -> Vec<String> {
        self.round.next();
        self.flow.retry(&self.store, &self.run.to_string(), retry).unwrap();
        self.began()
    }

    fn resume(&mut self) -> Vec<String> {
        self.round.next();
        self.flow.resume(&self.store, &self.run.to_string()).unwrap();
        self.began()
    }

    /// The bodies that began in this round, and the tasks that were mapped.
    fn began(&mut self) -> Vec<String> {
        let all = changes(&self.store, self.run);
        let began = all[self.seen..].iter();
        let began = began.filter_map(|change| change.strip_suffix(": Running").or(change.strip_suffix(": Mapped")));
        let mut began: Vec<_> =
            began.filter(|what| *what != "flow").map(|what| what.split(' ').next().unwrap().to_owned()).collect();
        began.sort();
        self.seen = all.len();
        assert_eq!(self.store.check().unwrap().damage.len(), 0, "{}", self.folder.path().display());
        began
    }

    fn state(&self) -> StateCode {
        self.store.run(&self.run.to_string()).unwrap().state
    }

    fn failed(&self) -> u64 {
        self.store.run(&self.run.to_string()).unwrap().n_failed
    }
}

#[task]
fn load(#[shared] round: &Round) -> u32 {
    round.now()
}

#[task(trigger = manual_only)]
fn approve(n: Option<u32>) -> u32 {
    n.unwrap_or_default()
}

#[task]
fn double(n: u32) -> u32 {
    2 * n
}

#[task]
fn publish(#[shared] round: &Round, n: u32) -> Result<u32, String> {
    round.works_in(2, n)
}

/// The process that runs tasks again ends, or waits for somebody, before it comes to those that are downstream.
#[test]
fn what_is_to_be_made_anew_is_so_for_whoever_goes_on() {
    for executor in executors() {
        let flow = flow!("etl", { publish(double(approve(load()))) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.resume(), ["approve-1", "double-1", "publish-1"]);
        assert_eq!(rounds.state(), StateCode::FAILED);
        assert_eq!(rounds.retry(&Retry::From("load".into())), ["load-1"]);
        assert_eq!(rounds.state(), StateCode::PAUSED);
        let states: Vec<_> = rounds.store.task_runs(rounds.run).unwrap().iter().map(|task| task.state).collect();
        assert_eq!(states, [StateCode::SUCCESS, StateCode::PAUSED, StateCode::PENDING, StateCode::PENDING]);
        assert_eq!(rounds.resume(), ["approve-1", "double-1", "publish-1"], "{executor:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
        let row = rounds.store.run(&rounds.run.to_string()).unwrap();
        assert_eq!((row.n_ok, row.n_failed), (4, 0));
    }
}

/// What it gives can be recorded: a path, say.
#[task]
fn open() -> String {
    "a.db".to_owned()
}

#[task]
fn close(db: &String) {
    assert_eq!(db, "a.db");
}

#[task(in_memory)]
fn connect() -> Arc<u32> {
    Arc::new(7)
}

#[task]
fn disconnect(connection: &Arc<u32>) {
    assert_eq!(**connection, 7);
}

#[task]
fn query(#[shared] round: &Round, db: String) -> Result<usize, String> {
    round.works_in(1, db.len())
}

#[task]
fn migrate(#[shared] round: &Round) -> Result<u32, String> {
    round.works_in(1, 1)
}

#[test]
fn a_resource_that_was_cleaned_up_is_set_up_again_for_what_runs_between() {
    for (executor, retry) in executors().into_iter().flat_map(|e| [(e, Retry::Failed), (e, Retry::OnlyFailed)]) {
        let flow = flow!("etl", { resource(open(), close, |db| query(db)) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.state(), StateCode::FAILED);
        assert_eq!(rounds.retry(&retry), ["close-1", "open-1", "query-1"], "{executor:?} {retry:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
        // Nothing between reads it, whether it is recorded or lives in memory.
        let flow =
            flow!("etl", { (resource(open(), close, |_| migrate()), resource(connect(), disconnect, |_| migrate())) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        let expected = ["close-1", "connect-1", "disconnect-1", "migrate-1", "migrate-2", "open-1"];
        assert_eq!(rounds.retry(&retry), expected, "{executor:?} {retry:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
        // One that nothing runs with stays as it is.
        let flow = flow!("etl", { (publish(resource(open(), close, |_| double(4))), migrate()) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.retry(&retry), ["migrate-1", "publish-1"], "{executor:?} {retry:?}");
    }
}

#[task]
fn close_both(db: &String, other: &String) {
    assert_eq!(db, other);
}

/// Who cleans up two is not given one that is cleaned up already.
#[test]
fn what_is_cleaned_up_together_is_set_up_again_together() {
    for (executor, retry) in executors().into_iter().flat_map(|e| [(e, Retry::Failed), (e, Retry::OnlyFailed)]) {
        let flow = flow!("etl", {
            let other = open();
            (resource(other, close, |_| double(4)), resource(open(), |db| close_both(db, other), |db| query(db)))
        });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.state(), StateCode::FAILED);
        let expected = ["close-1", "close_both-1", "open-1", "open-2", "query-1"];
        assert_eq!(rounds.retry(&retry), expected, "{executor:?} {retry:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
    }
}

/// Whether the clean-up of `close_unless_busy` is not to run.
static IS_BUSY: AtomicBool = AtomicBool::new(false);

fn not_while_busy(_: &Tracked, _: &State, new: State) -> State {
    if new.kind() == Running && IS_BUSY.load(Ordering::SeqCst) { State::skipped("busy") } else { new }
}

#[task(state_handlers = [not_while_busy])]
fn close_unless_busy(db: &String) {
    assert_eq!(db, "a.db");
}

#[task]
fn query_in_vain(#[shared] round: &Round, db: String) -> Result<usize, String> {
    round.works_in(2, db.len())
}

/// The clean-up ran when the run failed for the first time. That says nothing of the resource of the second time.
#[test]
fn a_resource_whose_last_clean_up_did_not_run_is_still_there() {
    for (executor, retry) in executors().into_iter().flat_map(|e| [(e, Retry::Failed), (e, Retry::OnlyFailed)]) {
        let flow = flow!("etl", { resource(open(), close_unless_busy, |db| query_in_vain(db)) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        IS_BUSY.store(true, Ordering::SeqCst);
        assert_eq!(rounds.retry(&retry), ["open-1", "query_in_vain-1"], "{executor:?} {retry:?}");
        IS_BUSY.store(false, Ordering::SeqCst);
        assert_eq!(rounds.retry(&retry), ["close_unless_busy-1", "query_in_vain-1"], "{executor:?} {retry:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
    }
}

/// Its name can be recorded; it is gone with the connection all the same.
#[task]
fn table(connection: &Arc<u32>) -> String {
    format!("table_{connection}")
}

#[task]
fn drop_table(table: &String) {
    assert_eq!(table, "table_7");
}

#[task]
fn count(table: &str) -> usize {
    table.len()
}

#[task(trigger = manual_only)]
fn asked(n: Option<usize>) -> usize {
    n.unwrap_or_default()
}

#[test]
fn a_resource_is_set_up_again_with_one_that_it_lies_in() {
    for executor in executors() {
        let flow = flow!("etl", {
            resource(connect(), disconnect, |connection| {
                resource(table(connection), drop_table, |table| asked(count(table)))
            })
        });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.state(), StateCode::PAUSED);
        let expected = ["asked-1", "connect-1", "disconnect-1", "drop_table-1", "table-1"];
        assert_eq!(rounds.resume(), expected, "{executor:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
        // Nothing is to run with the inner one.
        let flow = flow!("etl", {
            resource(connect(), disconnect, |connection| {
                asked(resource(table(connection), drop_table, |table| count(table)))
            })
        });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.resume(), ["asked-1", "connect-1", "disconnect-1"], "{executor:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
    }
}

#[task]
fn rate(#[shared] round: &Round) -> Result<u32, String> {
    round.works_in(1, 10)
}

#[task(trigger = all_finished)]
fn price(#[shared] round: &Round, rate: Outcome<u32>, #[constant] n: u32) -> Result<u32, String> {
    match rate {
        Outcome::Success(rate) => Ok(rate * n),
        _ if n == 2 => round.works_in(1, 0),
        _ => Ok(0),
    }
}

#[task]
fn checked(#[shared] round: &Round, n: u32) -> Result<u32, String> {
    if n == 2 { round.works_in(1, n) } else { Ok(n) }
}

#[task(trigger = all_finished)]
fn label(#[shared] round: &Round, checked: Outcome<u32>, #[constant] n: u32) -> Result<String, String> {
    match checked {
        Outcome::Success(_) if n == 3 => round.works_in(1, "three".to_owned()),
        Outcome::Success(n) => Ok(n.to_string()),
        _ => Ok("none".to_owned()),
    }
}

#[task]
fn joined(labels: Vec<String>) -> String {
    labels.join(" ")
}

/// A child that failed by itself is not the only one that made something of a failure.
#[test]
fn children_that_made_something_of_a_failure_run_again() {
    for executor in executors() {
        let flow = flow!("prices", { price::map(unmapped(rate()), vec![1, 2]) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        assert_eq!(rounds.retry(&Retry::Failed), ["price-1", "price-1[0]", "price-1[1]", "rate-1"], "{executor:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
        // Of children those of the same number; what the others made is kept.
        let flow = flow!("labels", { joined(label::map(checked::map(vec![1, 2, 3]), vec![1, 2, 3])) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        let expected = ["checked-1", "checked-1[1]", "joined-1", "label-1", "label-1[1]", "label-1[2]"];
        assert_eq!(rounds.retry(&Retry::Failed), expected, "{executor:?}");
        assert_eq!(rounds.state(), StateCode::SUCCESS);
    }
}

#[task]
fn shrinks(#[shared] round: &Round) -> Vec<u32> {
    if round.now() == 0 { vec![1, 3, 5] } else { vec![1, 3] }
}

#[task]
fn small(n: u32) -> Result<u32, String> {
    if n < 5 { Ok(n) } else { Err("too large".to_owned()) }
}

#[task]
fn sum(ns: Vec<u32>) -> u32 {
    ns.iter().sum()
}

/// They are recorded, and no part of the run any more.
#[test]
fn children_of_a_longer_list_count_no_more() {
    for executor in executors() {
        let flow = flow!("etl", { publish(sum(small::map(shrinks()))) });
        let mut rounds = Rounds::start(flow, |store| settings(store, executor));
        let expected = ["publish-1", "shrinks-1", "small-1", "small-1[0]", "small-1[1]", "sum-1"];
        assert_eq!(rounds.retry(&Retry::From("shrinks".into())), expected, "{executor:?}");
        assert_eq!((rounds.state(), rounds.failed()), (StateCode::FAILED, 1), "of `publish`");
        assert_eq!(rounds.retry(&Retry::Failed), ["publish-1"], "{executor:?}");
        assert_eq!((rounds.state(), rounds.failed()), (StateCode::SUCCESS, 0));
    }
}

/// Nothing has changed: the one who waits for an answer still does.
#[test]
fn who_cannot_run_the_flow_leaves_the_run_as_it_is() {
    let rounds = Rounds::start(flow!("etl", { approve(load()) }), |store| settings(store, Executor::Local));
    assert_eq!(rounds.state(), StateCode::PAUSED);
    let config = Config::builder().secret("SLACK_WEBHOOK_URL", "garbage").build().unwrap();
    let run = rounds.run.to_string();
    let flow = rounds.flow.with(settings(&rounds.store, Executor::Local).config(config));
    let error = flow.resume_with(&rounds.store, &run, &Approval::of("approve").note("ok")).unwrap_err();
    let short = rounds.run.short();
    let expected = format!(
        "run {short} cannot go on here, and is left as it is: the secret `SLACK_WEBHOOK_URL` is not a webhook URL: it has no \
         scheme; expected `https://host/path` (plain http only to a loopback address)"
    );
    assert_eq!(error.to_string(), expected);
    let row = rounds.store.run(&run).unwrap();
    assert_eq!((row.state, row.crashes, row.owner), (StateCode::PAUSED, 0, None));
    let flow = flow.with(settings(&rounds.store, Executor::Local));
    assert_eq!(flow.resume(&rounds.store, &run).unwrap().state().kind(), Success);
}

/// Who says no is not to see it go on because the one who waited is wired anew.
#[test]
fn an_answer_to_a_task_that_starts_anew_is_refused() {
    let rounds = Rounds::start(flow!("etl", { approve(load()) }), |store| settings(store, Executor::Local));
    let run = rounds.run.to_string();
    let flow = flow!("etl", { approve(double(load())) }).share(Round::default());
    let flow = flow.with(settings(&rounds.store, Executor::Local));
    for answer in [Approval::default().reject(), Approval::default().note("looks good")] {
        let error = flow.resume_forced(&rounds.store, &run, &answer).unwrap_err();
        assert_eq!(error.to_string(), format!("no task of run {} waits for anybody", rounds.run.short()));
        assert_eq!(rounds.state(), StateCode::PAUSED);
    }
    let run = flow.resume_forced(&rounds.store, &run, &Approval::default()).unwrap();
    assert_eq!((run.state().kind(), rounds.state()), (Running, StateCode::PAUSED), "it asks anew");
}
