use prefect::prelude::*;

#[task]
fn a(x: &str) -> Option<&str> {
    Some(x)
}

fn main() {}
