use prefect::prelude::*;

#[task]
fn same<T: Data>(x: T) -> T {
    x
}
#[task]
fn show<T: Data + std::fmt::Debug>(x: &T) -> String {
    format!("{x:?}")
}
#[task]
fn larger<T: Data + PartialOrd>(x: T, y: T) -> T {
    if x > y { x } else { y }
}
#[task]
fn list() -> Vec<i64> {
    vec![1]
}

fn main() {
    flow!("f", {
        let a: Node<Vec<i64>> = same(list());
        show(x = a);
        show(5);
        same(2.5);
        same::<u8>(x = 5);
        let node: Node<i64> = same(1);
        larger(node, 5);
        larger(x = same(node), y = node);
    });
}
