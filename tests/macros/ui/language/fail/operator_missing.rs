use std::collections::HashMap;

use prefect::prelude::*;

#[task]
fn number() -> i64 {
    1
}
#[task]
fn text() -> String {
    String::new()
}
#[task]
fn scores() -> Vec<i64> {
    vec![]
}
#[task]
fn ages() -> HashMap<String, u8> {
    HashMap::new()
}

fn main() {
    flow!("f", {
        let _ = text() - text();
    });
}
