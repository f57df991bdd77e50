//! A server that cannot be written for a while, and what it says when it ends a session.
use std::time::Duration;

use prefect_store::{Options, Store, StoreError};

use crate::away::Server;
use crate::schema::{address, admin};
use crate::support::*;

/// Sessions of a user that begin while this is on can only read, for as long as they last: so it is with those of a server that
/// has become the second one.
fn read_only(role: &str, on: bool) {
    let set = if on { "SET default_transaction_read_only = on" } else { "RESET default_transaction_read_only" };
    admin().batch_execute(&format!("ALTER ROLE {role} {set}")).unwrap();
    if on {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1";
        admin().query_one(end, &[&role]).unwrap();
    }
}

fn sessions(role: &str) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state = 'idle'";
    admin().query_one(sql, &[&role]).unwrap().get(0)
}

#[test]
fn a_session_that_can_only_read_is_not_kept() {
    let role = format!("second_{}", std::process::id());
    admin()
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'; CREATE SCHEMA {role} AUTHORIZATION {role}"))
        .unwrap();
    let url = format!("postgres://{role}:x@{}/postgres?schema={role}", address());
    let options = Options::default().keep_trying(Duration::from_secs(10));
    let store = Store::open(&url.parse().unwrap(), options).unwrap();
    let run = store.begin(new_run("one")).unwrap();
    for child in 0..2 {
        read_only(&role, true);
        let refused = store.begin(new_run("two"));
        // A batch is tried again and again.
        let position = run.record_many([start(0, Some(child)), finish(0, Some(child))]).unwrap();
        while sessions(&role) == 0 {
            std::thread::yield_now();
        }
        read_only(&role, false);
        assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
        run.wait(position).unwrap();
        // Nothing has tried again since.
        read_only(&role, true);
        let refused = store.begin(new_run("two"));
        read_only(&role, false);
        assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
        end(&store.begin(new_run("two")).unwrap(), S::SUCCESS);
    }
    end(&run, S::SUCCESS);
    drop((run, store));
    admin().batch_execute(&format!("DROP SCHEMA {role} CASCADE; DROP ROLE {role}")).unwrap();
}

/// What a server says when it ends a session of its own accord is no reason to give up.
#[test]
fn a_session_that_the_server_ends_is_no_refusal() {
    for code in ["25P03", "25P04", "57P01", "57P05", "08006", "40001"] {
        let place = Place::new();
        let store = place.open();
        let run = store.begin(new_run("one")).unwrap();
        place
            .sql()
            .execute_batch(&format!(
                "CREATE SEQUENCE times; CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF nextval('times') < 3 THEN RAISE EXCEPTION 'it ends' USING ERRCODE = '{code}'; END IF; RETURN new; END $$; \
                 CREATE TRIGGER ends BEFORE INSERT ON task_runs FOR EACH ROW EXECUTE FUNCTION ends()"
            ))
            .unwrap();
        let position = run.record(start(0, None));
        assert_eq!(run.wait(position), Ok(()), "{code}");
        assert_eq!(place.number("SELECT last_value FROM times"), 3, "{code}");
        end(&run, S::SUCCESS);
        check(&place.sql());
    }
}

/// A process on another machine could not say that it lives while the server was away.
#[test]
fn nobody_is_judged_before_the_server_is_up_for_a_lease() {
    let server = Server::start();
    let options = |host: &str, lease: Duration| {
        let mut options = Options::default().lease(lease);
        options.machine.host = host.into();
        options
    };
    let url = server.url.parse().unwrap();
    // It gives no sign while this test lasts.
    let there = Store::open(&url, options("there", Duration::from_hours(24))).unwrap();
    let run = there.begin(new_run("one")).unwrap();
    let mut sql = postgres::Client::connect(&server.url, postgres::NoTls).unwrap();
    let over =
        "UPDATE prefect.processes SET lease_until = (extract(epoch FROM now() - interval '1 day') * 1000000)::bigint";
    sql.execute(over, &[]).unwrap();
    let here = Store::open(&url, options("here", Duration::from_hours(2))).unwrap();
    assert_eq!(here.reap().unwrap(), []);
    record(&run, vec![start(0, None)]);
    // A lease that is shorter has passed since.
    let soon = Store::open(&url, options("third", Duration::from_millis(100))).unwrap();
    assert_eq!(soon.reap().unwrap().len(), 1);
    assert!(run.wait(run.record(finish(0, None))).is_err());
}
