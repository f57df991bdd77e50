use prefect::prelude::*;

#[task]
fn a(x: i64, #[cfg(any())] never: Missing, #[cfg(all())] y: i64, #[cfg(not(any()))] #[default(3)] z: i64) -> i64 {
    #[cfg(any())]
    never.used();
    x + y + z
}

#[cfg(any())]
#[task]
fn left_out(x: Missing) {}

#[task]
#[cfg(any())]
fn left_out_too(x: Missing) {}

#[prefect::flow]
fn etl(#[cfg(any())] never: Missing, x: i64) -> i64 {
    a(x, y = 2)
}

fn main() {
    flow!("f", {
        a(1, 2);
        a(x = 1, y = 2, z = 3);
        etl(x = 1);
    });
    assert_eq!(a::run(1, 2, 3), 6);
}
