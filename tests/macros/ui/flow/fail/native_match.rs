use prefect::prelude::*;

#[task]
fn kind() -> u8 {
    1
}

fn main() {
    flow!("f", {
        match kind() {
            1 => {}
            _ => {}
        }
    });
}
