use prefect::prelude::*;

#[derive(serde::Serialize)]
struct Half;

#[task]
fn a() -> Half {
    Half
}

fn main() {}
