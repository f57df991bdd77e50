use prefect::prelude::*;

fn main() {
    flow!("f", state_handlers = [slack_notifier(web_hook_secret = "X")], {});
}
