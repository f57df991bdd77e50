use prefect::prelude::*;

#[task]
fn a(x: impl Clone) {}

fn main() {
    flow!("f", {
        a(x = 1);
    });
}
