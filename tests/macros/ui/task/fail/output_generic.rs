use prefect::prelude::*;

#[task]
fn a<T: Clone + Send + Sync + 'static>(x: T) -> T {
    x
}

fn main() {}
