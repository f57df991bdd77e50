use prefect::prelude::*;

#[task(retry_on = [std::io::Error])]
fn a() {}

fn main() {}
