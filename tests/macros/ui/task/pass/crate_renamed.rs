pub extern crate prefect as workflows;

mod reexport {
    pub use ::workflows as inner;
}

use workflows::prelude::*;

#[task(crate = workflows, state_handlers = [|_, _, new| new], max_retries = 1, retry_delay = "1s")]
fn add(x: i64, text: &str) -> i64 {
    x + i64::try_from(text.len()).unwrap_or(0)
}

#[task(crate = crate::reexport::inner)]
async fn wait(x: i64) -> i64 {
    x
}

#[workflows::flow(crate = workflows)]
fn etl(x: i64) -> i64 {
    add(x, "t")
}

fn main() {
    flow!("f", crate = workflows, {
        wait(x = add(x = etl(1), text = "t"));
    });
}
