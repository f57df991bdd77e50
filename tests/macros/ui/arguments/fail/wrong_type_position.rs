use prefect::prelude::*;

#[task]
fn name() -> String {
    String::new()
}

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

fn main() {
    flow!("f", {
        inc(name());
    });
}
