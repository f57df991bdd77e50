use prefect::prelude::*;

use tracing::instrument;

#[instrument]
#[task]
fn above(x: i64) -> i64 {
    x
}

#[task]
#[instrument(skip(text), fields(size = text.len()))]
fn below(x: i64, text: &str) -> Result<usize, String> {
    Ok(text.len() + usize::from(x > 0))
}

#[instrument(level = "debug", ret)]
#[task(max_retries = 1)]
async fn above_async(x: i64) -> i64 {
    std::future::ready(x).await
}

#[task]
#[tracing::instrument]
async fn below_async(x: i64) -> i64 {
    std::future::ready(x).await
}

fn main() {
    flow!("f", {
        below(above(1), "text");
        below_async(x = above_async(1));
    });
    assert_eq!(below::run(1, "a"), Ok(2));
}
