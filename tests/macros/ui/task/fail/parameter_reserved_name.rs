use prefect::prelude::*;

#[task]
fn a(upstream_tasks: i64) {}

fn main() {}
