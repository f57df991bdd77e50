use prefect::prelude::*;

struct Opaque;

#[task]
fn a() -> Opaque {
    Opaque
}

fn main() {}
