use prefect::prelude::*;

#[task(target = "prices/{dya}.json")]
fn price(day: u8) -> u8 {
    day
}

fn main() {
    flow!("prices", { price(1) });
}
