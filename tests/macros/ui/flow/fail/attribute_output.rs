use prefect::prelude::*;

#[prefect::flow]
fn etl() -> i64 {
    name()
}

#[task]
fn name() -> String {
    String::new()
}

fn main() {}
