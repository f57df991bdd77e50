use prefect::prelude::*;

#[prefect::flow]
fn etl() {}

fn main() {
    etl.run();
}
