#[prefect::flow]
async fn etl() {}

fn main() {}
