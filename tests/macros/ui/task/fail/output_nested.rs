use prefect::prelude::*;

struct Opaque;

#[task]
fn a() -> Vec<Option<Opaque>> {
    vec![]
}

fn main() {}
