#[prefect::flow]
fn etl(#[shared] db: &String) {}

fn main() {}
