#[prefect::flow]
fn etl(x: &str) {}

fn main() {}
