use prefect::prelude::*;



fn main() {
    flow!(name = "f", {});
}
