use prefect::prelude::*;

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

fn main() {
    flow!("f", {
        inc(x = 2, task_args = "n");
    });
}
