use prefect::prelude::*;

#[task]
fn split(x: i64) -> (i64, i64) {
    (x, x)
}
#[task]
fn number() -> i64 {
    1
}
#[derive(Clone)]
pub struct Handle;
#[task(in_memory)]
fn open() -> (Handle, i64) {
    (Handle, 1)
}

fn main() {
    flow!("f", {
        let (handle, n) = open();
    });
}
