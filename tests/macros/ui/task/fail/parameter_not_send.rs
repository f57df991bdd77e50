use prefect::prelude::*;

#[task]
fn a(x: std::rc::Rc<u8>) {
    assert!(*x > 0);
}

fn main() {}
