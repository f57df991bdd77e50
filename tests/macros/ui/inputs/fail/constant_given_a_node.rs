use prefect::prelude::*;

#[task(trigger = any_failed)]
fn report(#[constant] title: String) -> usize {
    title.len()
}

#[task]
fn name() -> String {
    String::new()
}

fn main() {
    flow!("f", {
        report(name());
    });
}
