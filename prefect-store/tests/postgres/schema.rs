//! A schema of its own for each test.
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use postgres::{Client, NoTls};

/// A schema, gone afterwards.
pub struct Schema {
    name: String,
}

/// The server of these tests.
pub fn server() -> String {
    std::env::var("PREFECT_TEST_POSTGRES").expect(
        "these tests need a PostgreSQL server: run them by `scripts/with-postgres`, or name one in PREFECT_TEST_POSTGRES",
    )
}

/// Its host and port.
pub fn address() -> String {
    let url = server();
    url.split_once('@').unwrap().1.split('/').next().unwrap().to_owned()
}

/// A connection of somebody who may do everything.
pub fn admin() -> Client {
    Client::connect(&server(), NoTls).unwrap()
}

impl Schema {
    /// Always one: the store's own tests have none, and the same code.
    pub fn new() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Some(Self { name: format!("test_{}_{number}_{time}", std::process::id()) })
    }

    pub fn url(&self) -> String {
        format!("{}?schema={}", server(), self.name)
    }

    pub fn connect(&self) -> Client {
        let mut client = admin();
        client.batch_execute(&format!("SET search_path = {}", self.name)).unwrap();
        client
    }

    /// The folder of the lock files of the store that is in it.
    pub fn locks(&self) -> PathBuf {
        let id: String = self.connect().query_one("SELECT encode(id, 'hex') FROM store", &[]).unwrap().get(0);
        std::env::home_dir().unwrap().join(".prefect/processes").join(id)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // The server may be gone, where a test has ended it.
        let Ok(mut client) = Client::connect(&server(), NoTls) else { return };
        let sql = format!("SELECT encode(id, 'hex') FROM {}.store", self.name);
        if let Ok(row) = client.query_one(&sql, &[]) {
            let folder = std::env::home_dir().unwrap().join(".prefect/processes").join(row.get::<_, String>(0));
            let _ = std::fs::remove_dir_all(folder);
        }
        let _ = client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name));
    }
}
