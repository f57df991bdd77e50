use prefect::prelude::*;

struct Pool(i64);

#[task]
fn query(n: i64, #[shared] db: &Pool) -> i64 {
    db.0 + n
}
#[task]
async fn query_later(#[shared] db: &Pool, n: &i64, #[shared] name: &String) -> String {
    format!("{name}{}", db.0 + n)
}

fn main() {
    flow!("f", {
        query_later(n = query(1));
        query_later(query(n = 2));
    });
    assert_eq!(query::run(1, &Pool(2)), 3);
}
