use prefect::prelude::*;

#[task]
fn split(x: i64) -> (i64, i64) {
    (x, x)
}
#[task]
fn number() -> i64 {
    1
}

fn helper() {
    let (a, b) = split(1);
}

fn main() {
    flow!("f", { helper() });
}
