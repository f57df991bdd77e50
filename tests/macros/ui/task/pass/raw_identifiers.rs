use prefect::prelude::*;

#[task(task_run_name = "{type}")]
fn r#match(r#type: i64, #[default(1)] r#in: i64) -> i64 {
    r#type + r#in
}

fn main() {
    flow!("f", {
        let a = r#match(1);
        r#match(r#type = a, r#in = 2);
    });
    assert_eq!(r#match::run(1, 2), 3);
}
