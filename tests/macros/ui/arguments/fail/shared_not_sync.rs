use prefect::prelude::*;

#[task]
fn a(#[shared] db: &std::cell::Cell<u8>) -> u8 {
    db.get()
}

fn main() {}
