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
fn flag() -> bool {
    true
}
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct Row;
#[task]
fn row() -> Row {
    Row
}

fn main() {
    flow!("f", {
        case(row(), Row, || number());
    });
}
