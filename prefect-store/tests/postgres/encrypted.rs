//! Encrypted connections: who is trusted, by which `sslmode`, and what is said where nobody is.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use postgres::{Client, NoTls};
use prefect_store::{Denied, Options, RunFilter, Store, StoreError, StoreUrl};

use crate::schema::{Schema, server};

fn file(name: &str) -> PathBuf {
    let folder = std::env::var_os("PREFECT_TEST_POSTGRES_TLS");
    PathBuf::from(folder.expect("these tests need a server with certificates: `scripts/with-postgres` brings one"))
        .join(name)
}

/// The server's URL by this name of its host, with these options, `{ca}` and the like being the files of that name.
fn url(schema: &Schema, host: &str, options: &str) -> StoreUrl {
    let mut options = options.to_owned();
    for name in ["ca.crt", "client.crt", "client.key"] {
        options = options.replace(&format!("{{{name}}}"), &file(name).display().to_string().replace('/', "%2F"));
    }
    format!("{}&{options}", schema.url().replace("127.0.0.1", host)).parse().unwrap()
}

/// Opens a store in a schema of its own. Gives whether the connection is encrypted, as the server sees it.
fn opened(host: &str, options: &str) -> Result<bool, StoreError> {
    let schema = Schema::new().unwrap();
    let name = schema.url().rsplit('=').next().unwrap().to_owned();
    let url = url(&schema, host, &format!("{options}&application_name={name}"));
    let store = Store::open(&url, Options::default())?;
    assert_eq!(store.runs(&RunFilter::default())?.len(), 0);
    let sql = "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = $1";
    let rows = Client::connect(&server(), NoTls).unwrap().query(sql, &[&name]).unwrap();
    let all: Vec<bool> = rows.iter().map(|row| row.get(0)).collect();
    assert!(!all.is_empty() && all.iter().all(|ssl| *ssl == all[0]), "{all:?}");
    Ok(all[0])
}

/// Why nothing was opened.
fn denied(host: &str, options: &str) -> String {
    match opened(host, options).unwrap_err() {
        StoreError::Denied { what: Denied::Encryption, reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_asked_for_is_what_there_is() {
    assert!(!opened("127.0.0.1", "sslmode=disable").unwrap());
    for mode in ["allow", "prefer", "require"] {
        assert!(opened("127.0.0.1", &format!("sslmode={mode}")).unwrap(), "{mode}");
    }
}

/// `prefer` is a wish: who cannot have it is served in clear.
#[test]
fn what_is_preferred_need_not_be() {
    let (none, ca) = (file("none.crt").display().to_string(), file("ca.crt").display().to_string());
    assert!(!opened("127.0.0.1", &format!("sslmode=prefer&sslcert={none}&sslkey={none}")).unwrap());
    let required = denied("127.0.0.1", &format!("sslmode=require&sslcert={none}&sslkey={none}"));
    assert!(required.contains("none.crt"), "{required}");
    // An address behind the name of a socket is one all the same.
    let schema = Schema::new().unwrap();
    let port = schema.url().split_once("127.0.0.1:").unwrap().1.split('/').next().unwrap().to_owned();
    let name = schema.url().rsplit('=').next().unwrap().to_owned();
    let text = format!(
        "postgres:///postgres?user=prefect&host=%2Ftmp&hostaddr=127.0.0.1&port={port}&schema={name}&sslmode=verify-full\
         &sslrootcert={ca}"
    );
    Store::open(&text.parse().unwrap(), Options::default()).unwrap_err();
}

#[test]
fn the_authority_and_the_name_are_looked_at_where_that_is_asked_for() {
    assert!(opened("localhost", "sslmode=verify-full&sslrootcert={ca.crt}").unwrap());
    assert!(opened("127.0.0.1", "sslmode=verify-ca&sslrootcert={ca.crt}").unwrap());
    assert!(opened("127.0.0.1", "sslmode=require&sslrootcert={ca.crt}").unwrap());

    let name = denied("127.0.0.1", "sslmode=verify-full&sslrootcert={ca.crt}");
    assert!(name.starts_with("invalid peer certificate: certificate not valid for name \"127.0.0.1\""), "{name}");
    // An authority that is not the server's; also where nothing more than encryption is asked for, but it is named.
    for mode in ["require", "verify-ca", "verify-full"] {
        let authority = denied("localhost", &format!("sslmode={mode}&sslrootcert={{client.crt}}"));
        assert_eq!(authority, "invalid peer certificate: UnknownIssuer", "{mode}");
    }
    // Those that the system trusts do not know this one.
    for options in ["sslmode=verify-full", "sslmode=verify-full&sslrootcert=system"] {
        let system = denied("localhost", options);
        assert!(system.contains("UnknownIssuer"), "{options}: {system}");
    }
}

#[test]
fn a_host_without_a_name_is_called_by_its_address() {
    let schema = Schema::new().unwrap();
    let port = schema.url().split_once("127.0.0.1:").unwrap().1.split('/').next().unwrap().to_owned();
    let name = schema.url().rsplit('=').next().unwrap().to_owned();
    let of = |options: &str| {
        let text = format!("postgres:///postgres?user=prefect&hostaddr=127.0.0.1&port={port}&schema={name}&{options}");
        Store::open(&text.parse().unwrap(), Options::default())
    };
    of("sslmode=require").unwrap();
    let ca = file("ca.crt").display().to_string();
    let error = of(&format!("sslmode=verify-full&sslrootcert={ca}")).unwrap_err().to_string();
    assert!(error.contains("certificate not valid for name \"127.0.0.1\""), "{error}");
}

#[test]
fn a_certificate_says_who_we_are() {
    let schema = Schema::new().unwrap();
    let mut admin = Client::connect(&server(), NoTls).unwrap();
    let _ = admin.batch_execute("CREATE ROLE certified LOGIN; GRANT CREATE ON DATABASE postgres TO certified");
    let of = |options: &str| {
        let rest = schema.url().split_once('@').unwrap().1.to_owned();
        let mut text = format!("postgres://certified@{rest}&sslmode=require&{options}");
        for name in ["client.crt", "client.key"] {
            text = text.replace(&format!("{{{name}}}"), &file(name).display().to_string());
        }
        Store::open(&text.parse().unwrap(), Options::default())
    };
    of("sslcert={client.crt}&sslkey={client.key}").unwrap();
    // Whoever has none is not let in.
    let error = of("").unwrap_err();
    assert!(matches!(error, StoreError::Denied { what: Denied::Login, .. }), "{error:?}");
    // Not a key, and not its own.
    let error = of("sslcert={client.crt}&sslkey={client.crt}").unwrap_err();
    assert!(error.to_string().contains("client.crt: "), "{error}");
    assert!(matches!(error, StoreError::Denied { what: Denied::Encryption, .. }), "{error:?}");
    drop(schema);
    let _ = admin.batch_execute("DROP OWNED BY certified; DROP ROLE certified");
}

#[test]
fn a_password_is_bound_to_the_connection() {
    let schema = Schema::new().unwrap();
    let mut admin = Client::connect(&server(), NoTls).unwrap();
    let _ =
        admin.batch_execute("CREATE ROLE bound LOGIN PASSWORD 'hunter2'; GRANT CREATE ON DATABASE postgres TO bound");
    let rest = schema.url().split_once('@').unwrap().1.to_owned();
    let text = format!("postgres://bound:hunter2@{rest}&sslmode=require&channel_binding=require");
    Store::open(&text.parse().unwrap(), Options::default()).unwrap();
    // Without encryption there is nothing to bind it to.
    let clear = text.replace("sslmode=require", "sslmode=disable");
    Store::open(&clear.parse().unwrap(), Options::default()).unwrap_err();
    drop(schema);
    let _ = admin.batch_execute("DROP OWNED BY bound; DROP ROLE bound");
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.crt");
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let said =
        |path: &std::path::Path| denied("localhost", &format!("sslmode=verify-full&sslrootcert={}", path.display()));
    assert_eq!(said(&none), format!("the file {}: I/O error: No such file or directory (os error 2)", none.display()));
    assert_eq!(said(&empty), format!("the file {}: no certificate is in it", empty.display()));
}

#[test]
fn a_server_without_encryption_is_refused_where_that_is_asked_for() {
    // As servers answer who asks for encryption.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 8];
            let _ = stream.read_exact(&mut asked).and_then(|()| stream.write_all(b"N"));
        }
    });
    let url: StoreUrl = format!("postgres://me:hunter2@{address}/jobs?sslmode=require").parse().unwrap();
    assert_eq!(
        Store::open(&url, Options::default()).unwrap_err().to_string(),
        format!(
            "postgres://{address}/jobs cannot be used: the server makes no encrypted connections. `sslrootcert=FILE` in its URL \
             names the authorities that are trusted, `sslcert` and `sslkey` say who we are; `sslmode=require` encrypts whoever \
             answers"
        )
    );
}

#[test]
fn urls_that_ask_for_what_there_is_not_are_refused() {
    let refused =
        |options: &str| format!("postgres://me:hunter2@host/db?{options}").parse::<StoreUrl>().unwrap_err().to_string();
    assert_eq!(
        refused("sslmode=strict"),
        "`sslmode=strict` is none of disable, allow, prefer, require, verify-ca and verify-full"
    );
    for (options, mode) in [("sslmode=require&sslrootcert=system", "require"), ("sslmode=verify-ca", "verify-ca")] {
        assert_eq!(
            refused(options),
            format!(
                "with the authorities that the system trusts, `sslmode=verify-full` is needed, not `{mode}`: anybody can have a \
                 certificate of theirs. Name your own authority by `sslrootcert=FILE`, or write `verify-full`"
            )
        );
    }
    assert_eq!(
        refused("sslmode=require&sslcert=/a.crt"),
        "a certificate for us is named by `sslcert`, and no key: name its file by `sslkey`, or in PGSSLKEY"
    );
    // Where nothing is encrypted nobody asks for it.
    "postgres://me@host/db?sslmode=disable&sslcert=/a.crt".parse::<StoreUrl>().unwrap();
    // What is trusted is a part of where a store is.
    let url = |options: &str| format!("postgres://me@host/db?{options}").parse::<StoreUrl>().unwrap();
    assert_ne!(url("sslmode=verify-full"), url("sslmode=require"));
}
