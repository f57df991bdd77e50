use prefect::prelude::*;

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[task]
fn list() -> Vec<i64> {
    vec![1]
}

#[task]
fn concat(xs: Vec<String>) -> String {
    xs.concat()
}

fn main() {
    flow!("f", {
        concat(inc::map(list()));
    });
}
