use prefect::prelude::*;

#[task]
fn a<T: Data>(x: T, #[default(1)] y: T) -> T {
    drop(x);
    y
}

fn main() {}
