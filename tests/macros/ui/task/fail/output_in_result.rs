use prefect::prelude::*;

struct Opaque;

#[task]
fn a() -> Result<Opaque, String> {
    Ok(Opaque)
}

fn main() {}
