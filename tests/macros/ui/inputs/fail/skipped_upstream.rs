use prefect::prelude::*;

#[task(skip_on_upstream_skip = false)]
fn report(x: i64) -> i64 {
    x
}

fn main() {}
