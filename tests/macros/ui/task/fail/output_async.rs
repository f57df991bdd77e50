use prefect::prelude::*;

struct Opaque;

#[task]
async fn a() -> Opaque {
    Opaque
}

fn main() {}
