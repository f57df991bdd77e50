use prefect::prelude::*;

#[task]
fn size(xs: &[u8]) -> usize {
    xs.len()
}

#[task]
fn name() -> String {
    String::new()
}

fn main() {
    flow!("f", {
        size(name());
    });
}
