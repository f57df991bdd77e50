use prefect::prelude::*;

pub struct Db;

#[task(in_memory)]
fn open() -> Db {
    Db
}
#[task]
fn close(_db: &Db) {}
#[task]
fn query(_db: &Db, n: i64) -> i64 {
    n
}
#[task]
fn number() -> i64 {
    1
}

fn main() {
    flow!("f", {
        resource(number(), |_| number(), |n| query(n, 1));
    });
}
