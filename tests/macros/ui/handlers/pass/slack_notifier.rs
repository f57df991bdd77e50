use prefect::prelude::*;

const ALERT: SlackNotifier = slack_notifier::only_states(&[Failed]);
const LOUD: SlackNotifier = ALERT.webhook_secret("LOUD").ignore_states(&[TimedOut]);

fn own(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
    let new = slack_notifier(object, old, new)?;
    ALERT.handle(object, old, new)
}

#[task(state_handlers = [
    ALERT,
    LOUD,
    ALERT.webhook_secret("ONCALL"),
    slack_notifier,
    own,
    slack_notifier(only_states = [Failed], webhook_secret = "X"),
    slack_notifier(ignore_states = vec![Running]),
    slack_notifier::webhook_secret("Y"),
    |_, _, new| new,
])]
fn watched() {}

#[task(state_handlers = [ALERT])]
fn also_watched() {}

fn main() {
    let many = [ALERT, LOUD];
    let flow = flow!(
        "f",
        state_handlers = [ALERT, many[1], slack_notifier, |object, _, _| println!("{object}"), slack_notifier(only_states = [Failed])],
        {
            watched();
            also_watched();
        }
    );
    assert_eq!(flow.name(), "f");
}
