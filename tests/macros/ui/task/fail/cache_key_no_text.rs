use prefect::prelude::*;

#[task(cache_for = "1h", cache_key = 7)]
fn price(day: u8) -> u8 {
    day
}

fn main() {
    flow!("prices", { price(1) });
}
