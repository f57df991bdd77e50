use prefect::prelude::*;

#[task]
fn byte(x: u8) -> u8 {
    x
}

fn main() {
    flow!("f", {
        byte(-1);
    });
}
