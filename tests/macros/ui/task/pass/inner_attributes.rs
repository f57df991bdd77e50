use prefect::prelude::*;

#[task]
fn a(x: i64) -> i64 {
    #![allow(unused_variables)]
    let unused = 1;
    x
}

#[prefect::flow]
fn etl() {
    #![allow(unused_variables)]
    let unused = a(1);
}

fn main() {
    let _ = etl::flow();
}
