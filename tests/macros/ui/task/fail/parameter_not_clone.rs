use prefect::prelude::*;

struct Big;

#[task]
fn a(x: Big) {
    let Big = x;
}

fn main() {}
