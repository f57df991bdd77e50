#[prefect::flow(timeout = "1s")]
fn etl() {}

fn main() {}
