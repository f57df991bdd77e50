//! The store in a schema of a PostgreSQL database.
mod check;
mod connection;
mod environment;
mod errors;
mod outside;
mod record;
mod schema;
mod server;
mod session;
mod source;
mod tls;
mod value;
mod write;

pub(crate) use server::Server;
pub(crate) use source::PostgresSource;
pub(crate) use value::text;
