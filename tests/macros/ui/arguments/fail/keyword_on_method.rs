use prefect::prelude::*;

struct S;

impl S {
    fn take(&self, _: i64) {}
}

fn main() {
    let s = S;
    flow!("f", {
        s.take(x = 1);
    });
}
