use prefect::prelude::*;

fn tell(_: &Tracked, _: &State, _: State) {}
fn failed(_: &Tracked, _: &State) {}
fn last(_: &Tracked, state: &State, _: &[State]) -> Option<State> {
    Some(state.clone())
}

#[task]
fn one() -> i64 {
    1
}

fn main() {
    const NAME: &str = "a name";
    let f = flow!(NAME, state_handlers = [tell, |_, _, new| new], on_failure = failed, terminal_state_handler = last, {
        let a = one();
        reference_tasks([a]);
        reference_tasks((a, one()));
        (a, [a], vec![a], Some(a), ())
    });
    assert_eq!(f.name(), "a name");
    flow!(String::from("owned"), {});
}
