#![no_implicit_prelude]

extern crate prefect;
extern crate std;

use prefect::{TaskError, Tracked, State, task};
use prefect::prelude::{flow, options};
use std::result::Result::{self, Ok};
use std::string::String;

#[task(state_handlers = [tell, |_, _, new| new], max_retries = 1, retry_delay = "1s", tags = ["a"], task_run_name = "{x}")]
fn a(x: i64, text: &str, #[default(1)] y: i64) -> Result<i64, TaskError> {
    let _ = text;
    Ok(x + y)
}

#[task(in_memory)]
async fn b(x: i64, #[shared] db: &String) -> i64 {
    let _ = db;
    x
}

#[task(trigger = prefect::prelude::any_failed)]
fn c(x: prefect::Outcome<i64>) -> bool {
    x.is_failed()
}

#[prefect::flow]
fn etl(x: i64, tag: std::option::Option<String>) -> i64 {
    let _ = tag;
    a(x, "t")
}

fn tell(_: &Tracked, _: &State, _: State) {}

fn main() {
    flow!("f", state_handlers = [tell], {
        let node = a(x = 1, text = "t", task_args = options().name("n"));
        b(x = node);
        c(etl(1));
    });
}
