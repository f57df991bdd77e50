use prefect::prelude::*;

#[task(tags = ["db", "", "api", "db", 7])]
fn a() {}

fn main() {}
