use prefect::prelude::*;

#[task]
fn a() -> impl Clone {
    1
}

fn main() {}
