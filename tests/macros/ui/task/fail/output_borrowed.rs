use prefect::prelude::*;

#[task]
fn a() -> &'static str {
    ""
}

fn main() {
    flow!("f", {
        b(a());
    });
}

#[task]
fn b(x: String) -> usize {
    x.len()
}
