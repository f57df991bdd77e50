use prefect::prelude::*;

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[task]
fn one() -> i64 {
    1
}

fn main() {
    flow!("f", {
        inc::map(one());
    });
}
