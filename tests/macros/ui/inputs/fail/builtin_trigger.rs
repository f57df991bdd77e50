use prefect::prelude::*;

#[task(trigger = all_finished)]
fn report(title: Outcome<String>, x: i64) -> bool {
    title.is_success() && x > 0
}

fn main() {}
