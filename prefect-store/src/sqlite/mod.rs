//! The store in an SQLite database.
mod backup;
mod check;
mod connection;
mod errors;
mod open;
mod record;
mod schema;
mod source;
mod turn;
mod write;

pub(crate) use schema::VERSION;
pub(crate) use source::SqliteSource;
