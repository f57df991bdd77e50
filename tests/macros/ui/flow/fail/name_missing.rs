use prefect::prelude::*;



fn main() {
    flow!({});
}
