use prefect::prelude::*;

#[derive(Clone)]
struct Opaque;

#[task]
fn eat(x: &Opaque) {
    let Opaque = x;
}

fn main() {
    flow!("f", {
        eat(Opaque);
    });
}
