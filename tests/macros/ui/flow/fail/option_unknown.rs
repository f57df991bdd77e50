use prefect::prelude::*;



fn main() {
    flow!("f", max_retries = 3, {});
}
