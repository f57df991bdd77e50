//! The tables, and how those of an older release become those of this one.
use postgres::{Client, Error};
use uuid::Uuid;

use super::errors::AtServer;
use super::server::Server;
use crate::StoreError;
use crate::sqlite::VERSION;

/// What tells our schemas from others, in the table `store`.
const APPLICATION: &str = "prefect";

/// Step `n` makes tables of version `n + 1` from those of version `n`, as the step of SQLite with this number. Released steps
/// never change.
const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("cancels.sql"),
    include_str!("secrets.sql"),
    include_str!("outbox.sql"),
    include_str!("schedules.sql"),
    include_str!("logs.sql"),
    include_str!("pruned.sql"),
    include_str!("limits.sql"),
    include_str!("upkeep.sql"),
];

#[allow(clippy::cast_possible_wrap, reason = "a handful")]
const _: () = assert!(STEPS.len() as i64 == VERSION, "each step of SQLite's has one of PostgreSQL's");

/// What a schema is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is not there, or holds nothing.
    Empty,
    /// Ours, of this version. The id was made with the tables.
    Ours(i64, Uuid),
}

/// Looks what the schema is. Refuses what is not ours, before anything is written.
pub(super) fn look(client: &mut Client, server: &Server) -> Result<Found, StoreError> {
    let at = server.location();
    let sql = "SELECT count(*), coalesce(bool_or(relname = 'store'), false), getdatabaseencoding()::text \
               FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1";
    let row = client.query_one(sql, &[&server.schema()]).at(at)?;
    let (tables, has_ours, encoding): (i64, bool, String) = (row.get(0), row.get(1), row.get(2));
    if encoding != "UTF8" {
        let reason = format!("the encoding of the database is {encoding}, and texts need UTF8");
        return Err(StoreError::Postgres { at: at.clone(), reason });
    }
    if tables == 0 {
        return Ok(Found::Empty);
    }
    if !has_ours {
        return Err(StoreError::Foreign(at.clone()));
    }
    // The table of another program may have any columns.
    let sql = format!("SELECT application, version, id FROM \"{}\".store", server.schema());
    let row = match client.query_opt(&sql, &[]) {
        Ok(Some(row)) => row,
        Ok(None) => return Err(StoreError::Foreign(at.clone())),
        Err(error) if error.code().is_some_and(|code| code.code() == "42703") => {
            return Err(StoreError::Foreign(at.clone()));
        }
        Err(error) => return Err(error).at(at),
    };
    let found = (row.try_get::<_, String>(0), row.try_get::<_, i64>(1), row.try_get::<_, Vec<u8>>(2));
    let (Ok(application), Ok(found), Ok(id)) = found else { return Err(StoreError::Foreign(at.clone())) };
    match Uuid::from_slice(&id) {
        Ok(_) if application == APPLICATION && found > VERSION => {
            Err(StoreError::Newer { at: at.clone(), found, known: VERSION })
        }
        Ok(id) if application == APPLICATION && found > 0 => Ok(Found::Ours(found, id)),
        _ => Err(StoreError::Foreign(at.clone())),
    }
}

/// Makes the tables those of this release. Nobody else does meanwhile, and what was found is looked at again.
pub(super) fn bring_up(client: &mut Client, server: &Server) -> Result<Uuid, StoreError> {
    let at = server.location();
    client.batch_execute(&format!("BEGIN; {}", lock(server.schema()))).at(at)?;
    let done = look(client, server).and_then(|found| step(client, server, &found).at(at));
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).at(at);
    done.and_then(|id| ended.map(|()| id))
}

fn step(client: &mut Client, server: &Server, found: &Found) -> Result<Uuid, Error> {
    let (version, id) = match *found {
        Found::Ours(version, id) => (version, id),
        Found::Empty => {
            let schema = server.schema();
            // Asking for a schema that is there needs the right to make one.
            if client.query_one("SELECT to_regnamespace($1) IS NULL", &[&schema])?.get(0) {
                client.batch_execute(&format!("CREATE SCHEMA \"{schema}\""))?;
            }
            client.batch_execute(
                "CREATE TABLE store(application text NOT NULL, version bigint NOT NULL, id bytea NOT NULL)",
            )?;
            let id = Uuid::now_v7();
            client.execute("INSERT INTO store VALUES($1, 0, $2)", &[&APPLICATION, &&id.as_bytes()[..]])?;
            (0, id)
        }
    };
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        client.batch_execute(step)?;
    }
    client.execute("UPDATE store SET version = $1", &[&VERSION])?;
    Ok(id)
}

/// The statement that waits for the lock that transactions of this schema have one after the other, to their end. Its number
/// is the name of the schema, by FNV-1a.
pub(super) fn lock(schema: &str) -> String {
    let number = schema
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("SELECT pg_advisory_xact_lock({})", number.cast_signed())
}
