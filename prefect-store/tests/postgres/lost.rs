//! Answers that are lost: what was asked for is done, and nobody is told; or is done when somebody has looked already.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use prefect_store::{Options, Parked, Store, StoreError};

use crate::schema::{address, admin};
use crate::support::*;

/// Stands between a store and its server, and keeps answers back: what was asked is done, and the connection ends.
struct Proxy {
    address: String,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    /// So many answers to commits are swallowed, and to statements that are transactions of their own.
    swallow: AtomicUsize,
    only_commits: AtomicBool,
    /// From the next answer that is swallowed on nobody gets through.
    stay_away: AtomicBool,
    away: AtomicBool,
    /// The connection of who commits next ends, and the server hears of the commit later: when this is false again.
    late: AtomicBool,
    is_late: AtomicBool,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address_of_proxy = listener.local_addr().unwrap().to_string();
        let plan = Arc::<Plan>::default();
        let the_plan = Arc::clone(&plan);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if the_plan.away.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(address()).unwrap();
                let plan = Arc::clone(&the_plan);
                std::thread::spawn(move || plan.carry(client, server));
            }
        });
        Self { address: address_of_proxy, plan }
    }

    fn url(&self, place: &Place) -> String {
        place.name().replace(&address(), &self.address)
    }
}

impl Plan {
    fn carry(self: Arc<Self>, mut client: TcpStream, mut server: TcpStream) {
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let plan = Arc::clone(&self);
        std::thread::spawn(move || plan.ask(from_client, to_server));
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = server.read(&mut bytes) {
            // `C`, a length, and the tag of a command that has written something.
            let done = |tag: &[u8]| bytes[..count].windows(tag.len()).any(|window| window == tag);
            let is_done = done(b"COMMIT\0") || done(b"SELECT 1\0") && !self.only_commits.load(Ordering::SeqCst);
            let swallow = || self.swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if is_done && swallow().is_ok() {
                self.away.fetch_or(self.stay_away.load(Ordering::SeqCst), Ordering::SeqCst);
                break;
            }
            if client.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }

    fn ask(&self, mut client: TcpStream, mut server: TcpStream) {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = client.read(&mut bytes) {
            let commits = bytes[..count].windows(6).any(|window| window == b"COMMIT");
            if commits && self.late.load(Ordering::SeqCst) {
                let _ = client.shutdown(Shutdown::Both);
                self.is_late.store(true, Ordering::SeqCst);
                while self.late.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
            if server.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Write);
    }
}

#[test]
fn what_was_committed_is_not_done_again_if_the_answer_is_lost() {
    let place = Place::new();
    drop(place.open());
    let proxy = Proxy::start();
    let store = Store::open(&proxy.url(&place).parse().unwrap(), Options::default()).unwrap();
    let plan = &proxy.plan;
    // The process is known from here on.
    end(&store.begin(new_run("first")).unwrap(), S::SUCCESS);
    for lost in 1..6 {
        // The beginning, a batch of one run, batches of two, and the end.
        let name = format!("run {lost}");
        // Nothing is read in it before the commit but whether the graph is there.
        plan.only_commits.store(true, Ordering::SeqCst);
        plan.swallow.store(1, Ordering::SeqCst);
        let run = store.begin(new_run(&name)).unwrap();
        assert_eq!(plan.swallow.load(Ordering::SeqCst), 0);
        plan.only_commits.store(false, Ordering::SeqCst);
        plan.swallow.store(lost, Ordering::SeqCst);
        record(&run, vec![start(0, None), finish(0, None).with_result(1, vec![3; 1000])]);
        plan.swallow.store(0, Ordering::SeqCst);
        let other = store.begin(new_run("other")).unwrap();
        plan.swallow.store(lost, Ordering::SeqCst);
        let (one, two) = (run.record(start(1, None)), other.record(start(1, None)));
        run.wait(one).unwrap();
        other.wait(two).unwrap();
        plan.swallow.store(lost, Ordering::SeqCst);
        end(&run, S::SUCCESS);
        end(&other, S::SUCCESS);
        plan.swallow.store(0, Ordering::SeqCst);
        assert_eq!(store.transitions(run.id(), 0, 100).unwrap().len(), 5);
    }
    check(&place.sql());
}

/// Does this while the server hears of its commit late: when somebody who looks for it waits already.
fn late<T: Send>(proxy: &Proxy, application: &str, work: impl FnOnce() -> T + Send) -> T {
    proxy.plan.is_late.store(false, Ordering::SeqCst);
    proxy.plan.late.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        while !proxy.plan.is_late.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let mut admin = admin();
        let waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING(pid) \
                     WHERE NOT granted AND application_name = $1";
        while admin.query_one(waits, &[&application]).unwrap().get::<_, i64>(0) == 0 && !work.is_finished() {}
        proxy.plan.late.store(false, Ordering::SeqCst);
        work.join().unwrap()
    })
}

/// Whoever looks comes before the commit, and must not take that for "not done": nobody would ever run it, or it were done twice.
#[test]
fn a_commit_that_the_server_hears_of_late_is_waited_for() {
    let place = Place::new();
    drop(place.open());
    let proxy = Proxy::start();
    let name = place.url().to_string().rsplit('=').next().unwrap().to_owned();
    let url = format!("{}&application_name={name}", proxy.url(&place));
    let store = Store::open(&url.parse().unwrap(), Options::default()).unwrap();
    let holder = store.begin(new_run("holder")).unwrap();
    let one = late(&proxy, &name, || store.begin(new_run("one"))).unwrap();
    let two = store.begin(new_run("two")).unwrap();
    let held = hold_writer(&holder);
    let changes = [&one, &two].map(|run| (run, run.record_many([start(0, None), finish(0, None)]).unwrap()));
    late(&proxy, &name, || {
        drop(held);
        for (run, position) in changes {
            run.wait(position).unwrap();
        }
    });
    for run in [one, two, holder] {
        end(&run, S::SUCCESS);
    }
    assert_eq!(place.number("SELECT count(*) FROM flow_runs WHERE state=33"), 3);
    check(&place.sql());
}

/// Nobody can say for a while what became of it.
#[test]
fn a_run_that_has_begun_when_the_server_went_away_can_be_taken() {
    let place = Place::new();
    drop(place.open());
    let proxy = Proxy::start();
    let options = Options::default().busy_timeout(Duration::from_millis(50));
    let store = Store::open(&proxy.url(&place).parse().unwrap(), options).unwrap();
    end(&store.begin(new_run("first")).unwrap(), S::SUCCESS);
    proxy.plan.only_commits.store(true, Ordering::SeqCst);
    proxy.plan.stay_away.store(true, Ordering::SeqCst);
    proxy.plan.swallow.store(1, Ordering::SeqCst);
    let error = store.begin(new_run("run")).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(place.number("SELECT count(*) FROM flow_runs WHERE name='run' AND proc_no IS NOT NULL"), 1);
    proxy.plan.away.store(false, Ordering::SeqCst);
    // The second one stands behind what the writer does when it has time.
    assert_eq!((store.reap().unwrap(), store.reap().unwrap()), (vec![], vec![]));
    let row = store.run("run").unwrap();
    assert_eq!((row.state, row.owner.clone(), row.crashes), (S::CRASHED, None, 0));
    let again = store.claim(&row, Parked::Refuse).unwrap();
    record(&again, vec![start(0, None), finish(0, None)]);
    end(&again, S::SUCCESS);
    check(&place.sql());
}
