use prefect::prelude::*;

#[task]
fn report(x: Option<i64>) -> bool {
    x.is_some()
}

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

fn main() {
    flow!("f", {
        report(Some(inc(1)));
    });
}
