#[prefect::flow]
fn etl(x: i64, n: Option<u8>) {
    let _ = (x, n);
}

#[prefect::flow]
fn outer() {
    etl(n = 1);
}

fn main() {}
