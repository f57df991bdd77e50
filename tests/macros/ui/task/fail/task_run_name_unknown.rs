use prefect::prelude::*;

#[task(task_run_name = "row {rwo}")]
fn a(row: i64) {
    assert!(row > 0);
}

fn main() {}
