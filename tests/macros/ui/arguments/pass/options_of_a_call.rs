use prefect::prelude::*;

use std::time::Duration;

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}
#[task]
fn text() -> String {
    String::new()
}

fn main() {
    flow!("f", {
        let a = add(1, 2);
        let t = text();
        add(
            4,
            y = 5,
            upstream_tasks = [a, t, add(x = 1, y = 2)],
            task_args = options().name("n").max_retries(2).retry_delay("1s").tags(["y"]).task_run_name("{x}"),
        );
        add(1, 2, upstream_tasks = []);
        add(1, 2).after((a, t)).after([a, a]).after(vec![t]).with(options().timeout(Duration::from_secs(1)));
        add(1, 2, task_args = options().retry_delay(exponential("1s", max = "5m")));
    });
}
