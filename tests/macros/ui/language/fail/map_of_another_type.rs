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

fn main() {
    flow!("f", {
        table([("a", text())]);
    });
}
