//! A server that is away for a moment: connections that are ended, a restart in the middle.
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use prefect_store::{LostReason, Options, RunFilter, Store, StoreError};

use crate::schema::admin;
use crate::support::*;

/// The server ends the connections, again and again: nobody notices.
#[test]
fn connections_that_are_ended_are_made_anew() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut admin = admin();
            while !ended.load(Ordering::SeqCst) {
                let mine = "SELECT pg_terminate_backend(pid) FROM pg_locks l JOIN pg_stat_activity a USING(pid) \
                            WHERE relation = to_regclass($1) AND a.pid <> pg_backend_pid()";
                let table = format!("{}.flow_runs", place.url().to_string().rsplit('=').next().unwrap());
                admin.query(mine, &[&table]).unwrap();
            }
        });
        for i in 0..300 {
            run.record(start(0, Some(i)));
            let position = run.record(finish(0, Some(i)).with_result(1, vec![1; 300]));
            run.wait(position).unwrap();
            if i % 10 == 0 {
                // It is told, if it is ended in the middle, and asked again.
                while store.children(run.id(), 0, 0, 1000).is_err() {}
            }
        }
        ended.store(true, Ordering::SeqCst);
    });
    assert_eq!(store.count_children(run.id(), 0).unwrap(), [(S::SUCCESS, 300)]);
    end(&run, S::SUCCESS);
    check(&place.sql());
}

/// A server of its own, to be stopped and started.
pub struct Server {
    process: Child,
    pub url: String,
    ctl: String,
}

impl Server {
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/with-postgres");
        let say = "echo \"$PREFECT_TEST_POSTGRES\"; echo \"$PREFECT_TEST_POSTGRES_CTL\"; exec cat";
        let mut process =
            Command::new(script).args(["sh", "-c", say]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("a server that starts").unwrap();
        let (url, ctl) = (line(), line());
        Self { process, url, ctl }
    }

    fn ctl(&self, arguments: &[&str]) {
        let done = Command::new(&self.ctl).args(arguments).status().unwrap();
        assert!(done.success(), "{arguments:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_that_is_restarted_loses_nothing() {
    let server = Server::start();
    let store = Store::open(&server.url.parse().unwrap(), Options::default()).unwrap();
    let run = store.begin(new_run("one")).unwrap();
    let (done, restarts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (restart, how) in ["fast", "immediate", "fast", "immediate"].into_iter().enumerate() {
                // In the middle of it, each time.
                let seen = done.load(Ordering::SeqCst);
                while done.load(Ordering::SeqCst) < seen + 20 {
                    std::thread::yield_now();
                }
                server.ctl(&["restart", "-m", how]);
                restarts.store(restart + 1, Ordering::SeqCst);
            }
        });
        let mut under_way = Vec::new();
        for i in 0.. {
            run.record(start(0, Some(i)));
            under_way.push(run.record(finish(0, Some(i))));
            if under_way.len() == 8 {
                run.wait(under_way.remove(0)).unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            }
            if restarts.load(Ordering::SeqCst) == 4 {
                break;
            }
        }
        for position in under_way {
            run.wait(position).unwrap();
            done.fetch_add(1, Ordering::SeqCst);
        }
    });
    let done = done.load(Ordering::SeqCst) as u64;
    assert_eq!(store.count_children(run.id(), 0).unwrap(), [(S::SUCCESS, done)]);
    // What is not tried again waits for a server that starts.
    server.ctl(&["stop", "-m", "fast"]);
    let (begun, again) = std::thread::scope(|scope| {
        let begun = scope.spawn(|| store.begin(new_run("two")));
        server.ctl(&["start"]);
        (begun.join().unwrap(), store.run("one").unwrap())
    });
    assert_eq!((begun.unwrap().version(), again.n_ok), (1, done));
    end(&run, S::SUCCESS);
}

#[test]
fn a_server_that_stays_away_is_said_so() {
    let server = Server::start();
    let options = Options::default().busy_timeout(Duration::from_millis(50)).keep_trying(Duration::from_millis(100));
    let store = Store::open(&server.url.parse().unwrap(), options).unwrap();
    let run = store.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None)]);
    server.ctl(&["stop", "-m", "fast"]);
    let lost = run.wait(run.record(finish(0, None))).unwrap_err();
    let LostReason::Unwritable(StoreError::Unavailable { reason, .. }) = &lost.reason else { panic!("{lost:?}") };
    assert!(reason.starts_with("Connection refused"), "{reason}");
    assert!(matches!(store.begin(new_run("two")), Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.runs(&RunFilter::default()), Err(StoreError::Unavailable { .. })));
    server.ctl(&["start"]);
    assert_eq!(store.run("one").unwrap().n_ok, 0);
    end(&store.begin(new_run("two")).unwrap(), S::SUCCESS);
}
