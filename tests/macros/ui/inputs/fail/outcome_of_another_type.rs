use prefect::prelude::*;

#[task(trigger = any_failed)]
fn report(x: Outcome<i64>) -> bool {
    x.is_failed()
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
