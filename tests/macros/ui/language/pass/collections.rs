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
#[task]
fn table(cells: std::collections::HashMap<String, i64>) -> usize {
    cells.len()
}
#[task]
fn pair(pair: (i64, String)) -> String {
    pair.1
}

fn main() {
    flow!("f", {
        total(vec![number()]);
        total(numbers = [number(), number()]);
        total(list![number(), 1]);
        total(vec![1, 2]);
        total([3]);
        table([("a", number())]);
        table([("a", 1)]);
        pair((number(), text()));
        pair((1, text()));
    });
}
