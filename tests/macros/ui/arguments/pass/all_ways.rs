use prefect::prelude::*;

#[task]
fn add(x: i64, #[default(1)] y: i64) -> i64 {
    x + y
}
#[task]
fn wrap(x: u8) -> u8 {
    x
}
#[task]
fn half(x: f64) -> f64 {
    x / 2.0
}
#[task]
fn join(head: &str, tail: &[String], label: String) -> String {
    format!("{head}{tail:?}{label}")
}
#[task]
fn maybe(x: Option<i64>, text: Option<String>) -> bool {
    x.is_some() && text.is_some()
}
#[task]
fn total(total: i64, value: i64) -> i64 {
    total + value
}

fn main() {
    flow!("f", {
        let a = add(-1);
        let b = add(a, y = 2);
        wrap(7);
        half(1.5);
        let text = join("a", vec![String::from("b")], "c");
        join(text, tail = Vec::<String>::new(), label = text);
        maybe(3, "x");
        maybe(None, None);
        maybe(Some(4), text);
        maybe(x = a, text = text);
        total(total = total(b, b), value = add(x = 1));
    });
}
