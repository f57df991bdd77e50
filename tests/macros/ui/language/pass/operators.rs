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
        let a = number() + 1 + number();
        let _ = (1 + a, -a, a.lt(2), !a.eq(a), scores().get(0) * a, ages().get("ann"), ages().get(text()));
    });
}
