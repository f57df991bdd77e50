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
fn flag() -> bool {
    true
}

fn main() {
    flow!("f", {
        let _ = filter(number(), |x: &i64| *x > 0);
    });
}
