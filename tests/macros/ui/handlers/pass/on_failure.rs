use prefect::prelude::*;

fn tell(object: &Tracked, state: &State) {
    println!("{object} {state}");
}
fn fallible(_: &Tracked, _: &State) -> Result<(), std::io::Error> {
    Ok(())
}

#[task(on_failure = tell)]
fn a() {}

#[task(on_failure = fallible)]
fn b() {}

#[task(on_failure = |_, state| println!("{state}"))]
fn c() {}

fn main() {
    flow!("f", on_failure = tell, {
        a();
        b();
        c();
    });
}
