use prefect::prelude::*;

#[task]
fn split(x: i64) -> (i64, i64) {
    (x, x)
}
#[task]
fn number() -> i64 {
    1
}

fn main() {
    flow!("f", {
        let (a, b) = number();
    });
}
