use prefect::prelude::*;

#[task(trigger = |u: &Upstreams<'_>| u.failed() > 1)]
fn report(x: i64) -> i64 {
    x
}

fn main() {}
