//! `email_notifier` over real SMTP to a fake server: the mails as they arrive, and servers in trouble.
mod configured;
mod currying;
mod leaks;
mod mails;
mod recorded;
mod server;
mod tls;
mod trouble;

use prefect::prelude::*;
use prefect::{Config, FlowRun, RunSettings};

use server::FakeSmtp;

const USER: &str = "me@account.example";
const PASSWORD: &str = "p4ss-c4n4ry";

/// The section `[email]` for this server, in clear.
fn section(server: &FakeSmtp) -> String {
    format!("[email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n", server.port())
}

fn config(file: &str) -> Config {
    Config::builder()
        .user_config(file)
        .secret("EMAIL_USERNAME", USER)
        .secret("EMAIL_PASSWORD", PASSWORD)
        .build()
        .unwrap()
}

/// Time passes only while nothing is under way; the end of a run waits long enough to see every retry.
fn settings(config: Config) -> RunSettings {
    RunSettings::new()
        .config(config)
        .clock(prefect::Clock::virtual_from("2026-03-04T05:06:07Z".parse().unwrap()))
        .flush_deadline(std::time::Duration::from_mins(10))
        .executor(prefect::Executor::Local)
}

#[task(name = "load", state_handlers = [email_notifier(only_states = [Failed])])]
fn fails() -> Result<(), String> {
    Err("disk full".to_owned())
}

/// One failure with a mail, by this server: the state of the run and the line of its summary.
fn one_failure(server: &FakeSmtp) -> (StateKind, String) {
    one_failure_with(settings(config(&section(server))))
}

fn one_failure_with(settings: RunSettings) -> (StateKind, String) {
    told(&flow!("nightly", { fails() }).with(settings).run())
}

fn told<T>(run: &FlowRun<T>) -> (StateKind, String) {
    (run.state().kind(), run.notifications().to_string())
}
