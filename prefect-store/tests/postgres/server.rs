//! What a server may say, and what may happen to it: refused connections, wrong passwords, missing rights, other schemas, a
//! restart in the middle.
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use postgres::{Client, NoTls};
use prefect_store::{Denied, LostReason, Options, RunFilter, Store, StoreError, StoreUrl, TaskChange};

use crate::schema::server;
use crate::support::*;

/// The server's URL with other parts.
fn url_of(user: &str, password: &str, address: &str, database: &str) -> StoreUrl {
    format!("postgres://{user}:{password}@{address}/{database}").parse().unwrap()
}

pub fn address() -> String {
    let url = server();
    url.split_once('@').unwrap().1.split('/').next().unwrap().to_owned()
}

pub fn admin() -> Client {
    Client::connect(&server(), NoTls).unwrap()
}

/// What is said, without the password.
fn refusal(url: &StoreUrl) -> String {
    let error = Store::open(url, Options::default()).unwrap_err();
    let looked = Store::open_read_only(url, Options::default()).unwrap_err();
    assert_eq!(looked.to_string(), error.to_string());
    let texts = format!("{error} {error:?} {url} {url:?}");
    assert!(!texts.contains("hunter2"), "{texts}");
    error.to_string().replace(&address(), "ADDRESS")
}

#[test]
fn a_server_that_is_not_there_is_an_error_and_no_panic() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = refusal(&url_of("me", "hunter2", &nobody, "jobs"));
    assert_eq!(
        said,
        format!(
            "postgres://{nobody}/jobs cannot be reached: Connection refused (os error 111). Check that the PostgreSQL server is \
             there, and takes connections from this machine"
        )
    );
    // Somebody else answers.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in other.incoming().flatten() {
            let mut stream: TcpStream = stream;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = Store::open(&url_of("me", "hunter2", &address, "jobs"), Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. } | StoreError::Postgres { .. }), "{error:?}");
}

#[test]
fn what_the_server_refuses_is_said_with_what_to_do() {
    let role = format!("nobody_{}", std::process::id());
    admin().batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")).unwrap();
    let (password, database) = (
        refusal(&url_of(&role, "hunter2x", &address(), "postgres")),
        refusal(&url_of(&role, "hunter2", &address(), "nothing")),
    );
    let url = format!("postgres://{role}:hunter2@{}/postgres?schema={role}", address());
    let rights = Store::open(&url.parse().unwrap(), Options::default()).unwrap_err();
    // It may not make a schema, and needs none to be made if it has one.
    admin().batch_execute(&format!("CREATE SCHEMA {role} AUTHORIZATION {role}")).unwrap();
    let store = Store::open(&url.parse().unwrap(), Options::default()).unwrap();
    end(&store.begin(new_run("one")).unwrap(), S::SUCCESS);
    drop(store);
    // Who may not even look.
    let other = format!("{role}_2");
    admin().batch_execute(&format!("CREATE ROLE {other} LOGIN PASSWORD 'hunter2'")).unwrap();
    let url = format!("postgres://{other}:hunter2@{}/postgres?schema={role}", address());
    let looks = Store::open(&url.parse().unwrap(), Options::default()).unwrap_err();
    admin().batch_execute(&format!("DROP SCHEMA {role} CASCADE; DROP ROLE {role}; DROP ROLE {other}")).unwrap();

    assert_eq!(
        password,
        format!(
            "postgres://ADDRESS/postgres cannot be used: password authentication failed for user \"{role}\". Check the user and \
             the password, in the store's URL or in PGUSER and PGPASSWORD"
        )
    );
    assert_eq!(
        database,
        "postgres://ADDRESS/nothing cannot be used: database \"nothing\" does not exist. Make the database, or name another one"
    );
    assert!(matches!(rights, StoreError::Denied { what: Denied::Rights, .. }), "{rights:?}");
    assert!(
        rights.to_string().ends_with(
            "cannot be used: permission denied for database postgres. The user needs the right to make schemas in the database, \
             or to have the store's schema as its own"
        ),
        "{rights}"
    );
    assert!(matches!(looks, StoreError::Denied { what: Denied::Rights, .. }), "{looks:?}");
}

#[test]
fn a_login_without_a_password_says_what_is_missing() {
    let role = format!("silent_{}", std::process::id());
    admin().batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")).unwrap();
    let url: StoreUrl = format!("postgres://{role}@{}/postgres", address()).parse().unwrap();
    let error = Store::open(&url, Options::default()).unwrap_err();
    admin().batch_execute(&format!("DROP ROLE {role}")).unwrap();
    assert!(
        matches!(&error, StoreError::Denied { what: Denied::Login, reason, .. } if reason == "password missing"),
        "{error:?}"
    );
}

#[test]
fn schemas_of_others_are_refused_and_stay_as_they_are() {
    for tables in [
        "CREATE TABLE mails(id bigint)",
        "CREATE TABLE store(shop text)",
        "CREATE TABLE store(application text, version bigint, id bytea); INSERT INTO store VALUES('shop', 1, '')",
        "CREATE TABLE store(application text, version text, id bytea); INSERT INTO store VALUES('prefect', 1, '')",
        "CREATE TABLE store(application text, version bigint, id bytea)",
    ] {
        let place = Place::new();
        let name = place.url().to_string();
        let schema = name.rsplit('=').next().unwrap();
        let mut client = admin();
        client.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {tables}")).unwrap();
        let said = refusal(&place.url()).replace(schema, "NAME");
        assert_eq!(
            said,
            "postgres://ADDRESS/postgres?schema=NAME is a schema of another program: nothing was changed in it. Name another one \
             for the store, by `?schema=NAME`"
        );
        let left = place.number(&format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'"));
        assert_eq!(left, 1);
    }
}

#[test]
fn a_newer_store_is_refused_and_stays_as_it_is() {
    let place = Place::new();
    drop(place.open());
    place.sql().execute_batch("UPDATE store SET version = 99").unwrap();
    let said = refusal(&place.url());
    let known = prefect_store::TABLES_VERSION;
    assert!(
        said.ends_with(&format!(
            "was made by a newer release of prefect (tables of version 99, this release knows {known}): nothing was changed in \
             it. Use that release, or another path for the store"
        )),
        "{said}"
    );
    assert_eq!(place.number("SELECT version FROM store"), 99);
}

#[test]
fn who_only_looks_makes_nothing() {
    let place = Place::new();
    let look = || Store::open_read_only(&place.url(), Options::default());
    assert_eq!(look().unwrap_err(), StoreError::Missing(place.location()));
    end(&place.open().begin(new_run("one")).unwrap(), S::SUCCESS);
    let store = look().unwrap();
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 1);
    assert_eq!(store.begin(new_run("two")).unwrap_err(), StoreError::ReadOnly(place.location()));
    // An empty schema is a store that nobody has used.
    let place = Place::new();
    let name = place.url().to_string();
    admin().batch_execute(&format!("CREATE SCHEMA {}", name.rsplit('=').next().unwrap())).unwrap();
    let missing = Store::open_read_only(&place.url(), Options::default()).unwrap_err();
    assert_eq!(missing, StoreError::Missing(place.location()));
    drop(place.open());
}

#[test]
fn it_can_be_opened_by_many_at_once() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for i in 0..6 {
            let place = &place;
            scope.spawn(move || end(&place.open().begin(new_run(&format!("run {i}"))).unwrap(), S::SUCCESS));
        }
    });
    assert_eq!(place.open().runs(&RunFilter::default()).unwrap().len(), 6);
    check(&place.sql());
}

#[test]
fn urls_say_where_or_why_not() {
    let shown = |text: &str| text.parse::<StoreUrl>().map(|url| url.to_string()).map_err(|error| error.to_string());
    assert_eq!(shown("postgres://me:hunter2@host/db").unwrap(), "postgres://me@host:5432/db");
    assert_eq!(shown("postgresql://me:hunter2@host:99/db?schema=a_1").unwrap(), "postgres://me@host:99/db?schema=a_1");
    assert_eq!(shown("postgres://me@[::1]:7/db?sslmode=prefer").unwrap(), "postgres://me@[::1]:7/db");
    assert_eq!(shown("postgres://me@a:1,b:2/db").unwrap(), "postgres://me@a:1,b:2/db");
    assert_eq!(shown("postgres://me@%2Frun%2Fpg/db").unwrap(), "postgres://me@%2Frun%2Fpg:5432/db");
    assert_eq!(shown("postgres://me:p%40ss@host/db").unwrap(), "postgres://me@host:5432/db");
    let url: StoreUrl = "postgres://me:p%40ss@host/db".parse().unwrap();
    assert_eq!((format!("{url:?}").as_str(), url.path()), ("StoreUrl(postgres://me@host:5432/db)", None));
    assert_eq!(url.passwords(), ["p@ss", "p%40ss"]);
    assert_ne!(url, "postgres://me:other@host/db".parse().unwrap());

    let encryption = shown("postgres://me:hunter2@host/db?sslmode=verify-full").unwrap_err();
    assert_eq!(
        encryption,
        "`sslmode=verify-full` asks for an encrypted connection, which stores cannot make yet: write `sslmode=prefer` where the \
         network is trusted, or reach the server through a tunnel"
    );
    let unknown = shown("postgres://me@host/db?hunter2=x").unwrap_err();
    assert!(unknown.starts_with("the store's URL has an option that is not known; these are: application_name, "));
    for (bad, why) in [
        // Parts of a password that is not written as it should be.
        ("postgres://me:hun@hunter2@host/db", "cannot be read"),
        ("postgres://me:hun/hunter2@host/db", "cannot be read"),
        ("postgres://me:hun?hunter2@host/db", "cannot be read"),
        ("postgres://me@host:hunter2/db", "cannot be read"),
        ("postgres://me@host/db?schema", "cannot be read"),
        ("postgres://me@host/db?schema=hunter2-x", "`schema`"),
        ("postgres://me@host/db?schema=pg_x", "`schema`"),
        ("postgres://me@host/db?schema=", "`schema`"),
        ("postgres://me@host/db?schema=\"x\"", "`schema`"),
    ] {
        let error = shown(bad).unwrap_err();
        assert!(!error.contains("hunter2") && error.contains(why), "{bad:?}: {error}");
    }
}

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
    }
    let old = prefect_store::Prune { ended_before: prefect_store::Micros(150), keep: 0 };
    assert_eq!(store.count_prunable(&old).unwrap(), 1);
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
