#[prefect::flow]
fn etl(x: Node<i64>) {}

fn main() {}
