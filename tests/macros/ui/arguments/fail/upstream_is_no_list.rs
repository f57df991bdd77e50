use prefect::prelude::*;

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

fn main() {
    flow!("f", {
        let a = inc(1);
        inc(x = 2, upstream_tasks = a);
    });
}
