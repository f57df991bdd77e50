use prefect::prelude::*;

#[derive(Debug)]
struct MyError;

#[task]
fn a() -> Result<i64, MyError> {
    Err(MyError)
}

fn main() {}
