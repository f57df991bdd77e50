#[prefect::flow]
fn etl<T>() {}

fn main() {}
