#![allow(dead_code)]
use prefect::prelude::*;

type Result<T> = std::result::Result<T, std::io::Error>;
struct Some;
struct None;
struct Ok;
struct Err;
struct String;
struct Vec;
struct Box;
struct Option;
struct Into;
trait Clone {}
trait Send {}
trait Sync {}
trait Fn {}
mod core {}
macro_rules! vec {
    () => {};
}

#[task(state_handlers = [tell], on_failure = failed, max_retries = 1, retry_delay = "1s", timeout = "1s", tags = ["a"])]
fn a(x: i64, text: &str, #[default(1)] y: i64) -> Result<i64> {
    Result::Ok(x + y + text.len() as i64)
}

#[task]
async fn b(x: i64) -> i64 {
    x
}

#[prefect::flow(state_handlers = [tell])]
fn etl(x: i64) -> i64 {
    a(x, "t")
}

fn tell(_: &Tracked, _: &State, _: State) {}
fn failed(_: &Tracked, _: &State) {}

fn main() {
    flow!("f", state_handlers = [tell], {
        b(x = a(x = 1, text = "t"));
        etl(x = 1);
    });
}
