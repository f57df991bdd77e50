use prefect::prelude::*;

#[prefect::flow]
async fn etl() {}

fn main() {}
