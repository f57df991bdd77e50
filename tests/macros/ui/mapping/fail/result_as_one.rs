use prefect::prelude::*;

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[task]
fn list() -> Vec<i64> {
    vec![1]
}

fn main() {
    flow!("f", {
        inc(inc::map(list()));
    });
}
