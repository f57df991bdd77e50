use prefect::prelude::*;

#[prefect::flow]
struct Etl;

fn main() {}
