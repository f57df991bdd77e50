use prefect::prelude::*;

#[task(in_memory, target = "price.json")]
fn price(day: u8) -> u8 {
    day
}

fn main() {
    flow!("prices", { price(1) });
}
