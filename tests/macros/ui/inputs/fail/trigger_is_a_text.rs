use prefect::prelude::*;

#[task(trigger = "all_finished")]
fn report() {}

fn main() {}
