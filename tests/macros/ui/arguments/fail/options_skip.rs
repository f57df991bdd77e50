use prefect::prelude::*;

#[task]
fn one() -> i64 {
    1
}

fn main() {
    flow!("f", {
        merge([one(), one()]).with(options().skip_on_upstream_skip(true));
    });
}
