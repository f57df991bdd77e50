use prefect::prelude::*;

#[prefect::flow]
fn etl(x: i64, #[default(3)] n: u32, tag: Option<String>) {
    let _ = (x, n, tag);
}

fn main() {
    etl::parameters().n(1).flow();
    etl::parameters().x(1).x(2).flow();
    etl::parameters().x("one").flow();
    etl::parameters().x(1).tag(5).flow();
    etl::parameters().x(1).y(2).flow();
    let _ = flow!("etl", { parameter::<u32>("n", default = "three") });
    let _ = flow!("etl", { parameter::<u32>(default = 3) });
}
