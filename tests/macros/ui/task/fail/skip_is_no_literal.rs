use prefect::prelude::*;

#[task(skip_on_upstream_skip = SKIP)]
fn a() {}

const SKIP: bool = false;

fn main() {}
