use prefect::prelude::*;



fn main() {
    flow!("f", on_failure, {});
}
