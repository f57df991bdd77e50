#[derive(Clone)]
struct Row;

#[prefect::flow]
fn etl(row: Row) {
    let _ = row;
}

fn main() {}
