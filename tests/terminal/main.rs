//! `prefect::main` as a person or a script sees it: a program is run, and what it prints is read.
mod live;
mod plain;
mod program;
mod pty;
mod words;
