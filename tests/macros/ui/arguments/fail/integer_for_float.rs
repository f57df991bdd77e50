use prefect::prelude::*;

#[task]
fn half(x: f64) -> f64 {
    x / 2.0
}

fn main() {
    flow!("f", {
        half(1);
    });
}
