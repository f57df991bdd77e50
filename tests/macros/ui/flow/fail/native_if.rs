use prefect::prelude::*;

#[task]
fn flag() -> bool {
    true
}

fn main() {
    flow!("f", {
        if flag() {
            flag();
        }
    });
}
