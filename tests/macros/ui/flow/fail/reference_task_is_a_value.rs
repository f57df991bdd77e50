use prefect::prelude::*;



fn main() {
    flow!("f", {
        reference_tasks([1]);
    });
}
