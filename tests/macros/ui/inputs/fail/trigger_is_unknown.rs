use prefect::prelude::*;

#[task(trigger = all_finish)]
fn report() {}

fn main() {}
