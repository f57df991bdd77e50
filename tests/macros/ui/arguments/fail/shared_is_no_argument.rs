use prefect::prelude::*;

#[task]
fn a(x: i64, #[shared] db: &String) -> usize {
    usize::try_from(x).unwrap_or(0) + db.len()
}

fn main() {
    flow!("f", {
        a(x = 1, db = "x");
    });
}
