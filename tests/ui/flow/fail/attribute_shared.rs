use prefect::prelude::*;

#[prefect::flow]
fn etl(#[shared] db: &String) {}

fn main() {}
