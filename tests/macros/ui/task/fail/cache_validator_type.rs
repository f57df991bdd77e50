use prefect::prelude::*;

#[task(cache_for = "1h", cache_validator = "all_inputs")]
fn price(day: u8) -> u8 {
    day
}

fn main() {
    flow!("prices", { price(1) });
}
