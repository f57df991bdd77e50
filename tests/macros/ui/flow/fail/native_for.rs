use prefect::prelude::*;

#[task]
fn list() -> Vec<u8> {
    vec![]
}

fn main() {
    flow!("f", {
        for _ in list() {}
    });
}
