use prefect::prelude::*;

#[prefect::flow]
fn etl(x: &str) {}

fn main() {}
