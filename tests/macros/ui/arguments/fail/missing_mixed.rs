use prefect::prelude::*;

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn main() {
    flow!("f", {
        add(1, task_args = options());
    });
}
