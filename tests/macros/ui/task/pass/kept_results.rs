//! All that can be said of kept results.
#![deny(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
use prefect::prelude::*;
use prefect::{CacheCandidate, LocalResult, ResultStore, Serializer};

const DAY: &str = "24h";

fn fresh(kept: &CacheCandidate<'_>) -> bool {
    kept.is_fresh()
}

#[task(cache_for = "1h")]
fn plain(x: i64) -> i64 {
    x
}

#[task(cache_for = DAY, cache_validator = all_inputs, cache_key = "shelf")]
fn by_name(x: i64) -> i64 {
    x
}

#[task(cache_for = std::time::Duration::from_secs(5), cache_validator = partial_inputs_only(["x"]))]
fn by_call(x: i64) -> i64 {
    x
}

#[task(cache_for = "1h", cache_validator = fresh, cache_key = concat!("a", "b"))]
fn by_function(x: i64) -> i64 {
    x
}

#[task(cache_for = "1h", cache_validator = |kept| kept.same_input("x") && kept.is_fresh())]
fn by_closure<T: Data>(x: T) -> T {
    x
}

#[task(target = "{x}/{{{today}}}.json", result = LocalResult::in_folder("/tmp"), checkpoint = false)]
fn kept(x: i64) -> Result<i64, String> {
    Ok(x)
}

#[task(result = LocalResult::new().location("{task_slug}").serializer(Serializer::Json))]
async fn located(x: &str) -> String {
    x.to_owned()
}

#[prefect::flow(result = LocalResult::in_folder("/tmp"))]
fn all(x: i64) {
    (plain(x), by_name(1), by_call(2), by_function(3), by_closure(x), kept(5), located("a"))
}

fn main() {
    let _ = all::flow();
    flow!("other", result = LocalResult::new(), { kept(1, task_args = options().name("n")) });
}
