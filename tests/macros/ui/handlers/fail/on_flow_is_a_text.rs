use prefect::prelude::*;



fn main() {
    flow!("f", state_handlers = ["slack"], {});
}
