//! What goes into a pipe.
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::program::{Ran, program, run};

/// The lines of a seed run, with virtual time; the place of the panic is the test's own.
const SEED: &str = "\
12:00:00 Running          Add Divide Flow  Running flow.
no webhook: the secret `SLACK_WEBHOOK_URL` is not set; put it into `[context.secrets]` of ~/.prefect/config.toml, or into the environment variable PREFECT__CONTEXT__SECRETS__SLACK_WEBHOOK_URL, or keep it in the store by `prefect slack add SLACK_WEBHOOK_URL`
┃ Add 1 task is now in a Running state
┃   Starting task run.
12:00:00 Running          Add 1 task  Starting task run.
┃ Add 1 task is now in a Success state
┃   Task run succeeded.
12:00:00 Success          Add 1 task  Task run succeeded.
┃ 1/x task is now in a Running state
┃   Starting task run.
12:00:00 Running          1/x task  Starting task run.
┃ 1/x task is now in a Failed state
┃   panicked at PLACE: attempt to divide by zero
12:00:00 Failed           1/x task  Error during execution of task: panicked at PLACE: attempt to divide by zero
12:00:00 Failed           Add Divide Flow  Some reference tasks failed.

Success          Add 1 task  0s
Failed           1/x task    0s
    error: panicked at PLACE: attempt to divide by zero

Failed           Add Divide Flow  Some reference tasks failed.  0s
notifications: 0 sent, 4 not sent (no webhook: SLACK_WEBHOOK_URL)
";

fn without_place(text: &str) -> String {
    text.split_inclusive("panicked at ").fold(String::new(), |out, part| {
        let place = part.find(": ").filter(|_| part.contains(".rs:"));
        match place {
            Some(end) => out + "PLACE" + &part[end..],
            None => out + part,
        }
    })
}

fn lines_with<'a>(text: &'a str, part: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn the_seed_example() {
    let Ran { code, out, err } = run("Add Divide Flow").ran();
    assert_eq!(without_place(&out), SEED);
    assert_eq!((code, &*err), (Some(1), ""));
}

#[test]
fn each_service_says_once_which_secret_it_wants() {
    let out = run("mail").ran().out;
    let hints: Vec<_> = lines_with(&out, "put it into").iter().map(|line| &line[..line.find(';').unwrap()]).collect();
    let mail = "no mail login: the secret `EMAIL_USERNAME` is not set";
    assert_eq!(hints, [mail, "no webhook: the secret `SLACK_WEBHOOK_URL` is not set"], "{out}");
    assert_eq!(lines_with(&out, "┃ both is now in a Success state").len(), 2, "{out}");
    let reasons = "(2 no mail login: EMAIL_USERNAME; 1 no webhook: SLACK_WEBHOOK_URL)";
    assert!(out.ends_with(&format!("notifications: 0 sent, 3 not sent {reasons}\n")), "{out}");
}

#[test]
fn times_are_those_of_the_time_zone() {
    let out = run("empty").env("TZ", "XYZ-3:30").ran().out;
    assert!(out.starts_with("15:30:00 Running          empty"), "{out}");
}

#[test]
fn colors_are_forced_or_refused_by_the_environment() {
    let colored = |variables: &[(&str, &str)]| {
        let program = variables.iter().fold(run("chain"), |program, (name, value)| program.env(name, value));
        program.ran().out.contains("\x1b[")
    };
    assert!(!colored(&[]));
    assert!(colored(&[("CLICOLOR_FORCE", "1")]));
    assert!(colored(&[("FORCE_COLOR", "1")]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    let out = run("chain").env("CLICOLOR_FORCE", "1").env("COLORTERM", "truecolor").ran().out;
    assert!(out.contains("\x1b[38;2;235;0;0mFailed          \x1b[0m load"), "{out}");
}

#[test]
fn five_hundred_tasks_are_few_lines() {
    let out = run("large").ran().out;
    let told: Vec<&str> = out.lines().collect();
    assert_eq!(told[0], "12:00:00 Running          large  Running flow.");
    assert_eq!(told[1], "12:00:00 Failed           number  Error during execution of task: seven is broken");
    assert_eq!(told[2], "12:00:00                  50 of 500 tasks finished: 48 Success, 1 Failed, 1 TriggerFailed");
    assert_eq!(lines_with(&out, "of 500 tasks finished").len(), 9);
    let summary = out.split_once("\n\n").unwrap().1;
    assert_eq!(
        summary,
        "\
Failed           number  0s
    error: seven is broken

500 tasks: 498 Success, 1 Failed, 1 TriggerFailed

Failed           large  Some reference tasks failed.  0s
"
    );
    assert_eq!(told.len(), 19);

    let out = run("large and good").ran().out;
    assert!(out.ends_with(
        "\n\n2000 tasks: 2000 Success\n\nSuccess          large and good  All reference tasks succeeded.  0s\n"
    ));
    assert_eq!(out.lines().count(), 15);
}

#[test]
fn the_children_of_a_mapped_task_are_task_runs_like_others() {
    let out = run("few children").ran().out;
    assert!(out.contains("\n12:00:00 Success          number[1]  Task run succeeded.\n"), "{out}");
    let summary = "Success          list       0s\nMapped           number     0s\nSuccess          number[0]  0s\n";
    assert_eq!(out.split_once("\n\n").unwrap().1.find(summary), Some(0), "{out}");

    let out = run("many children").ran().out;
    let told: Vec<&str> = out.lines().collect();
    assert_eq!(told[3], "12:00:00 Mapped           number  Ready to proceed with mapping.");
    assert_eq!(told[4], "12:00:00 Failed           number[7]  Error during execution of task: seven is broken");
    assert_eq!(told[5], "12:00:00                  60 of 600 tasks finished: 58 Success, 1 Mapped, 1 Failed");
    assert_eq!(lines_with(&out, "of 600 tasks finished").len(), 9);
    assert!(out.contains("\n\nFailed           number[7]  0s\n    error: seven is broken\n\n600 tasks: "), "{out}");
}

#[test]
fn the_summary_tells_attempts_and_causes() {
    let out = run("flaky").ran().out;
    assert_eq!(
        lines_with(&out, "Retrying"),
        [
            "12:00:00 Retrying         flaky  Retrying Task (after attempt 1 of 3), again at 13:00:00",
            "13:00:00 Retrying         flaky  Retrying Task (after attempt 2 of 3), again at 14:00:00",
        ]
    );
    assert!(out.contains("\n\nSuccess          flaky  0s  3 attempts\n\n"), "{out}");
    assert!(out.ends_with("All reference tasks succeeded.  2h 00m\n"), "{out}");

    let out = run("chain").ran().out;
    let errors = "load  0s\n    error: could not load\n    the rows of tok-123456\n    caused by: no such host\n";
    assert!(out.contains(errors), "{out}");

    let out = run("paused").ran().out;
    assert!(out.ends_with("Running          paused  Running flow.  0s\nwaits for somebody: approve\n"), "{out}");
}

#[test]
fn a_body_that_outlives_its_timeout_is_named() {
    let out = run("stuck").ran().out;
    let line = "still running: stuck (its timeout has passed, the thread cannot be stopped)";
    assert_eq!(out.lines().last(), Some(line), "{out}");
    assert!(out.contains("\n    Task timed out during execution.\n"), "{out}");
}

#[test]
fn a_name_moves_no_cursor() {
    let out = run("co\u{1b}[2Jn\ntrols").env("RUST_LOG", "trace").ran();
    for text in [&out.out, &out.err] {
        assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
    assert!(out.out.contains("Failed           na\\u{1b}[2Jme\\n\\u{202e}  "), "{}", out.out);
    assert!(out.err.contains("Beginning Flow run for 'co\\x1b[2Jn\\ntrols'\n"), "{}", out.err);
}

#[test]
fn log_lines_go_to_standard_error_with_the_task_and_without_state_changes() {
    let Ran { out, err, .. } = run("logs").env("PREFECT__CONTEXT__SECRETS__TOKEN", "tok-123456").ran();
    let lines: Vec<&str> = err.lines().collect();
    let span = "run{rows=3 token=\"[redacted TOKEN]\"}";
    assert_eq!(
        lines,
        [
            format!("12:00:00 INFO  logs (terminal_flows): {span}: loaded with [redacted TOKEN] rows=3"),
            format!("12:00:00 WARN  logs (terminal_flows): {span}: odd \\x1b[2J rows"),
            format!("12:00:00 INFO  logs (elsewhere): {span}: from a library"),
        ]
    );
    assert!(!out.contains("tok-123456") && !out.contains("loaded"), "{out}");
    assert_eq!(run("chain").ran().err, "", "the failure is told on standard output");
}

#[test]
fn rust_log_then_the_configuration_says_what_is_logged() {
    let targets = |err: &str| {
        let mut targets: Vec<_> = err.lines().map(|line| line.split_once(": ").unwrap().0[9..].to_owned()).collect();
        targets.sort();
        targets.dedup();
        targets
    };
    let runners = ["ERROR prefect.TaskRunner", "INFO  prefect.FlowRunner", "INFO  prefect.TaskRunner"];

    let err = run("chain").env("RUST_LOG", "prefect.TaskRunner=error").ran().err;
    assert_eq!(err, "12:00:00 ERROR prefect.TaskRunner: Task 'load': Exception encountered during task execution!\n");
    assert_eq!(targets(&run("chain").env("RUST_LOG", "info").ran().err), runners);
    assert_eq!(
        targets(&run("logs").env("RUST_LOG", "terminal_flows=debug").ran().err),
        ["DEBUG logs (terminal_flows)", "INFO  logs (terminal_flows)", "WARN  logs (terminal_flows)"]
    );

    assert_eq!(targets(&run("chain").env("PREFECT__LOGGING__LEVEL", "INFO").ran().err), runners);
    let file = "[logging]\nlevel = \"ERROR\"\n";
    assert_eq!(targets(&run("chain").config(file).ran().err), runners[..1]);
    assert_eq!(run("logs").config(file).ran().err, "");
    let both = run("logs").config(file).env("RUST_LOG", "elsewhere=info").ran().err;
    assert_eq!(targets(&both), ["INFO  logs (elsewhere)"], "RUST_LOG wins");
    assert_eq!(run("logs").env("PREFECT__LOGGING__LEVEL", "OFF").ran().err, "");

    let err = run("logs").env("RUST_LOG", "logs=loud").ran().err;
    assert!(err.starts_with("RUST_LOG is ignored, "), "{err}");
    assert_eq!(err.lines().count(), 4, "{err}");
}

#[test]
fn a_subscriber_of_the_program_s_own_is_left_alone() {
    let Ran { out, err, .. } = run("chain").env("FLOWS", "own subscriber").env("RUST_LOG", "trace").ran();
    assert!(err.starts_with("own: prefect.FlowRunner\nown: prefect.TaskRunner\n"), "{err}");
    assert!(err.lines().all(|line| line.starts_with("own: ")), "{err}");
    assert!(out.contains("Failed           load"), "{out}");
}

#[test]
fn what_is_wrong_with_the_configuration_is_seen() {
    let ran = run("empty").config("[logging]\nlevle = \"INFO\"\n").ran();
    assert!(ran.err.contains("WARN  prefect_runtime::config: "), "{}", ran.err);
    assert!(ran.err.contains("did you mean `logging.level`?\n"), "{}", ran.err);
    let ran = run("empty").config("[logging]\nlevel = \"LOUD\"\n").ran();
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "nothing has begun");
    assert!(ran.err.starts_with("error: ") && ran.err.contains("key `logging.level`: expected "), "{}", ran.err);
    // A flow that has a configuration of its own reads no other.
    let own = run("limited").config("[logging]\nlevel = \"LOUD\"\n").ran();
    assert_eq!(own.code, Some(0), "{own:?}");
    // But where a store is named, a run that is not recorded is not what was asked for.
    let program = program(&["run", "limited", "--store", "x.db"]).config("[logging]\nlevel = \"LOUD\"\n");
    let ran = program.ran();
    assert!(ran.code == Some(2) && ran.err.contains("key `logging.level`: expected "), "{ran:?}");
}

#[test]
fn the_end_says_once_what_it_waits_for() {
    let out = run("limited").ran().out;
    assert_eq!(lines_with(&out, "waiting"), ["waiting up to 5 s for 2 notifications to be sent"], "{out}");
    assert!(out.ends_with("\nnotifications: 2 sent\n"), "{out}");
}

#[test]
fn a_closed_pipe_changes_nothing() {
    for (flow, code) in [("print", 0), ("large", 1)] {
        let mut command = run(flow).command;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.contains("Running"), "{first}");
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{flow}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "", "{flow}");
    }
}
