//! The macros in a crate of edition 2021 that calls the library by another name.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
use workflows::prelude::*;

/// Adds.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps)]
#[task(crate = workflows, name = "Add", state_handlers = [|_, _, new| new], max_retries = 1, retry_delay = "1s", tags = ["a"])]
pub fn add(x: i64, gen: &str, #[default(1)] y: i64) -> Result<i64, String> {
    Ok(x + y + i64::from(gen.is_empty()))
}

/// Reports.
#[task(crate = workflows, trigger = all_finished)]
pub async fn report(x: Outcome<i64>) -> i64 {
    std::future::ready(x.success().unwrap_or(-1)).await
}

/// Both.
#[workflows::flow(crate = workflows)]
pub fn both(x: i64) -> i64 {
    report(x = add(x = x, gen = ""))
}

#[test]
fn runs() {
    let flow =
        flow!("f", crate = workflows, on_failure = |_, state| println!("{state}"), { both(add(1, "text", y = 2)) });
    assert_eq!(flow.run().output().unwrap(), 5);
}
