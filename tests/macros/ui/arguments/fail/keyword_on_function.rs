use prefect::prelude::*;

fn plain(_: i64) {}

fn main() {
    flow!("f", {
        plain(x = 1);
    });
}
