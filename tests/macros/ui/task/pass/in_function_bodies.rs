use prefect::prelude::*;

mod outer {
    use prefect::prelude::*;

    pub mod inner {
        use prefect::prelude::*;

        #[task]
        pub(in crate::outer) fn near(x: i64) -> i64 {
            x
        }
        #[task]
        pub(super) fn add(x: i64) -> i64 {
            x
        }
        #[task]
        pub fn public(x: i64) -> i64 {
            x
        }
    }
    pub use inner::public as renamed;

    pub fn all() -> prefect::Flow<Node<i64>> {
        flow!("f", { inner::add(x = inner::near(x = 1)) })
    }
}

use outer::renamed;

fn main() {
    struct Row(i64);
    #[task]
    fn double(x: i64) -> i64 {
        Row(x).0 * 2
    }
    flow!("f", {
        double(x = renamed(x = 1));
    });
    let _ = outer::all();
}
