use prefect::prelude::*;

fn veto(_: &Tracked, _: &State, new: State) -> Option<State> {
    (new.kind() == Running).then(|| State::failed("no"))
}
fn looks(_: &Tracked, _: &State, _: State) {}
fn fallible(_: &Tracked, _: &State, new: State) -> Result<State, std::io::Error> {
    Ok(new)
}
fn to(channel: &'static str) -> impl Fn(&Tracked, &State, State) {
    move |object, _, new| println!("{channel}: {} {new}", object.name())
}
async fn later(_: &Tracked, _: &State, new: State) -> State {
    new
}
struct Count;
impl StateHandler for Count {
    fn handle(&self, _: &Tracked, _: &State, new: State) -> Result<State, TaskError> {
        Ok(new)
    }
}
const BOUND: Count = Count;

#[task(state_handlers = [
    veto, looks, fallible, to("#ops"), later, Count, BOUND,
    |_, _, new| new,
    move |_, _, new| new,
    async |_, _, new| new,
    |object: &Tracked, _: &State, _: State| println!("{}", object.name()),
    |_, _, new| -> Result<State, String> { Err(new.message().unwrap_or_default().to_owned()) },
    callback_factory(|object, state| println!("{object} {state}"), |state| state.kind().is_skipped()),
])]
fn watched() {}

#[task(state_handlers = [])]
fn unwatched() {}

fn main() {
    flow!("f", state_handlers = [BOUND, looks, |_, _, new| new], {
        watched();
        unwatched();
    });
}
