//! Async tasks wait together: a hundred of them take as long as one.
use std::process::ExitCode;
use std::time::Duration;

use prefect::prelude::*;

#[task(timeout = "5s")]
async fn fetch(n: u64) -> u64 {
    prefect::sleep(Duration::from_millis(100)).await;
    n * n
}

#[task]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

fn main() -> ExitCode {
    prefect::main(flow!("Squares", {
        let mut sum = fetch(0);
        for n in 1..20 {
            sum = add(sum, fetch(n));
        }
        sum
    }))
}
