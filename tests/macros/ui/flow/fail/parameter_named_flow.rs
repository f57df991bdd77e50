#[prefect::flow]
fn etl(flow: i64) {
    let _ = flow;
}

fn main() {
    etl::parameters().flow(1);
}
