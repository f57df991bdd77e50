use prefect::prelude::*;

#[task]
struct Row;

fn main() {}
