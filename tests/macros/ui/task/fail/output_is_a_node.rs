use prefect::prelude::*;

#[task]
fn a() -> Node<i64> {
    todo!()
}

fn main() {}
