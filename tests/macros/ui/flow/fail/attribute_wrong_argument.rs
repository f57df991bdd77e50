use prefect::prelude::*;

#[prefect::flow]
fn etl(x: i64) {
    let _ = x;
}

#[prefect::flow]
fn outer() {
    etl(name());
}

#[task]
fn name() -> String {
    String::new()
}

fn main() {}
