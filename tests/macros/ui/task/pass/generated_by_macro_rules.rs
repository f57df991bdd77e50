use prefect::prelude::*;

macro_rules! tasks {
    ($($name:ident: $ty:ty = $value:expr, $label:literal;)*) => { $(
        #[task(name = $label, tags = [$label])]
        fn $name(#[default($value)] x: $ty) -> $ty {
            x
        }
    )* };
}

tasks! {
    one: i64 = 1, "one";
    two: String = "two".to_owned(), "two";
}

macro_rules! retried {
    ($(#[$attribute:meta])* fn $name:ident($($x:ident: $ty:ty),*) -> $output:ty $body:block) => {
        $(#[$attribute])*
        #[task(max_retries = 3, retry_delay = "1s")]
        fn $name($($x: $ty),*) -> $output $body
    };
}

retried! {
    /// Adds.
    fn add(x: i64, y: i64) -> i64 {
        x + y
    }
}

macro_rules! call {
    ($task:path, $x:expr, $body:block) => {
        flow!("called", {
            $task(x = $x, y = 2);
            $body
        })
    };
}

fn main() {
    let flow = flow!("f", {
        two(x = "x");
        add(one(x = 5), one(x = 6))
    });
    assert_eq!(flow.name(), "f");
    call!(add, 1, {
        add(x = 2, y = 2);
        add(x = 1, y = 2)
    });
}
