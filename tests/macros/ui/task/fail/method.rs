use prefect::prelude::*;

struct S;

impl S {
    #[task]
    fn a(&self) -> u8 {
        1
    }
}

fn main() {
    S.a();
}
