use prefect::prelude::*;

#[task(retires_often = 3)]
fn a() {}

fn main() {}
