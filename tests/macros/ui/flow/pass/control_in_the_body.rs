use prefect::prelude::*;

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn five() -> Option<i64> {
    Some(5)
}

fn main() {
    flow!("f", {
        let mut last = add(1, y = 2);
        for i in 0..3 {
            if i == 1 {
                continue;
            }
            last = add(x = last, y = i);
        }
        let Some(n) = five() else { return last };
        let sum = |x| add(x = x, y = n);
        match n {
            5 => sum(last),
            _ => add(x = 1, y = 2),
        }
    });
}
