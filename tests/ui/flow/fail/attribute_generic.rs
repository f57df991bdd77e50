use prefect::prelude::*;

#[prefect::flow]
fn etl<T>() {}

fn main() {}
