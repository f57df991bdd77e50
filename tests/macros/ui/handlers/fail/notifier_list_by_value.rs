use prefect::prelude::*;

const ALERT: SlackNotifier = slack_notifier::only_states([Failed]);

fn main() {}
