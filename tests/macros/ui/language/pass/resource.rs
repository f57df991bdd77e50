use prefect::prelude::*;

pub struct Db;

#[task(in_memory)]
fn open() -> Db {
    Db
}
#[task]
fn close(_db: &Db) {}
#[task]
fn query(db: &Db, n: i64) -> i64 {
    let Db = db;
    n
}
#[task]
fn number() -> i64 {
    1
}

fn main() {
    flow!("f", {
        let n = resource(open(), close, |db| query(db, 1) + query(db = db, n = number()));
        resource(open(), |db| close(db).after(n), |_| number());
    });
}
