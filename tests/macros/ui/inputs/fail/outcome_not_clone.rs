use prefect::prelude::*;

struct Db;

#[task(in_memory)]
fn open() -> Db {
    Db
}

#[task(trigger = any_failed)]
fn report(x: &Outcome<Db>) -> bool {
    x.is_failed()
}

fn main() {
    flow!("f", {
        report(open());
    });
}
