use prefect::prelude::*;

#[task(nam = "x", tags = "t")]
fn a(self_: u8, (x, y): (i64, i64), z: impl Clone, w: &mut u8) -> i64 {
    0
}

fn main() {
    let _ = a::run(1, (2, 3), 4, &mut 5);
    flow!("f", {
        a(1, (2, 3), 4, 5);
        a(self_ = 1, z = 2, w = 3);
    });
}
