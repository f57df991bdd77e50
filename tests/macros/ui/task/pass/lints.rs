//! Public tasks under strict lints.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unnameable_types, rustdoc::all)]
#![deny(clippy::all, clippy::pedantic, unused)]

/// Tasks.
pub mod tasks {
    use prefect::{Data, Outcome, task, trigger::all_finished};

    /// Divides.
    #[task(name = "div", max_retries = 1)]
    pub fn div(x: i64, #[default(1)] y: i64) -> i64 {
        y / x
    }

    /// Keeps a row.
    #[task]
    pub(crate) fn keep<T: Data>(x: T) -> T {
        x
    }

    /// Reports.
    #[task(trigger = all_finished)]
    pub async fn report(x: Outcome<i64>, #[shared] db: &String) -> String {
        format!("{db}{x:?}")
    }

    #[task]
    fn private(x: i64) -> i64 {
        x
    }

    /// A flow.
    #[prefect::flow]
    pub fn etl(x: i64) -> i64 {
        div(x = private(x))
    }
}

use prefect::prelude::{Node, flow};
use tasks::{div, etl, keep, report};

fn main() {
    let _ = flow!("f", {
        let x: Node<i64> = div(x = 1, y = 2);
        tasks::div(x = x);
        report(etl(x));
        keep::<i64>(x = x)
    });
}
