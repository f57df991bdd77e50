use prefect::prelude::*;

#[task]
fn larger<T: Data + PartialOrd>(x: T, y: T) -> T {
    if x > y { x } else { y }
}

#[task]
fn name() -> String {
    String::new()
}

fn main() {
    flow!("f", {
        larger(name(), 1);
    });
}
