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
fn flag() -> bool {
    true
}

fn main() {
    flow!("f", {
        let a = case(text(), "a", || number());
        let b = choose(flag()).when(true, || number()).otherwise(|| a);
        ifelse(flag(), a, ());
        switch(text(), [("a", a), ("b", b)]);
        let _ = filter([a, merge([a, b])], |x: &i64| *x > 0);
        number().set_upstream((a, text())).set_downstream(flag());
    });
}
