//! `prefect::main` as a person or a script sees it: a program is run, and what it prints is read.
mod bad_stores;
mod config;
mod durable;
mod live;
mod notifications;
mod parameters;
mod plain;
mod program;
mod pty;
mod recorded;
mod scheduled;
mod secrets;
mod store;
mod words;
