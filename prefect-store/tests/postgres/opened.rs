//! How a store on a server is opened, or why not: refused connections, wrong passwords, missing rights, other schemas.
use std::io::Write;
use std::net::{TcpListener, TcpStream};

use prefect_store::{Denied, Options, RunFilter, Store, StoreError, StoreUrl};

use crate::schema::{address, admin};
use crate::support::*;

/// The server's URL with other parts.
fn url_of(user: &str, password: &str, address: &str, database: &str) -> StoreUrl {
    format!("postgres://{user}:{password}@{address}/{database}").parse().unwrap()
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
