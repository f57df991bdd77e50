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
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Row;
#[task]
fn row() -> Row {
    Row
}
#[task]
fn rows(rows: &[Row]) -> usize {
    rows.len()
}

fn main() {
    flow!("f", {
        rows(vec![row()]);
    });
}
