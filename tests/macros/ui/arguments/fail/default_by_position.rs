use prefect::prelude::*;

#[task]
fn a(x: i64, #[default(1)] y: i64) -> i64 {
    x + y
}

fn main() {
    flow!("f", {
        a(1, 2);
    });
}
