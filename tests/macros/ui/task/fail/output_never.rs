use prefect::prelude::*;

#[task]
fn a() -> ! {
    panic!()
}

fn main() {}
