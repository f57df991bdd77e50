use prefect::prelude::*;

#[task(result = "prices")]
fn price(day: u8) -> u8 {
    day
}

fn main() {
    flow!("prices", { price(1) });
}
