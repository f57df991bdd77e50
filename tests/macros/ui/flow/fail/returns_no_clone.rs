use prefect::prelude::*;

struct Db;

#[task(in_memory)]
fn open() -> Db {
    Db
}

fn main() {
    flow!("f", { open() });
}
