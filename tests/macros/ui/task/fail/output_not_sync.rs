use prefect::prelude::*;

#[task(in_memory)]
fn a() -> std::cell::Cell<u8> {
    std::cell::Cell::new(1)
}

fn main() {}
