use prefect::prelude::*;

#[prefect::flow]
fn etl() -> Node<i64> {
    inc(1)
}

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

fn main() {}
