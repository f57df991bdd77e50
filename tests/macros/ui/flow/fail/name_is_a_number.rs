use prefect::prelude::*;



fn main() {
    flow!(5, {});
}
