use prefect::prelude::*;

const ALERT: SlackNotifier = slack_notifier::only_states(&[Failed]);

fn own(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
    ALERT(object, old, new)
}

fn main() {}
