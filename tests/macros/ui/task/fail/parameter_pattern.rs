use prefect::prelude::*;

#[task]
fn a((x, y): (i64, i64)) -> i64 {
    x + y
}

fn main() {
    flow!("f", {
        a((1, 2));
    });
}
