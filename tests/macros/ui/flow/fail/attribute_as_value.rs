#[prefect::flow]
fn etl() {}

fn main() {
    etl.run();
}
