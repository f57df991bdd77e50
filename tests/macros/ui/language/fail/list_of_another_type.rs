use prefect::prelude::*;

#[task]
fn number() -> i64 {
    1
}
#[task]
fn text() -> String {
    String::new()
}
#[task]
fn total(numbers: Vec<i64>) -> i64 {
    numbers.len() as i64
}

fn main() {
    flow!("f", {
        total(vec![text()]);
    });
}
