use prefect::prelude::*;

#[task(trigger = any_failed)]
fn report<T: Data>(x: T) -> T {
    x
}

fn main() {}
