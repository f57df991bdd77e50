#[prefect::flow]
struct Etl;

fn main() {}
