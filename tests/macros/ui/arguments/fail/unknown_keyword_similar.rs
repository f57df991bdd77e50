use prefect::prelude::*;

#[task]
fn take(count: i64, other: i64) -> i64 {
    count + other
}

fn main() {
    flow!("f", {
        take(cout = 1, other = 2);
    });
}
