use prefect::prelude::*;

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

#[task]
fn list() -> Vec<i64> {
    vec![1]
}

fn main() {
    flow!("f", {
        add::map(x = list(), y = 3);
    });
}
