//! What is kept of a run: state changes, messages, log lines, the table.
use prefect::prelude::*;
use prefect::testing::TestRun;
use prefect::{Executor, TrackedKind};
use tests_logs::Logs;

use crate::{double, nightly};

use prefect_tests::logs as tests_logs;

#[test]
fn every_state_change_in_order() {
    let run = TestRun::of(&flow!("one", { double(1) })).run();
    let changes: Vec<_> = run.changes().iter().map(ToString::to_string).collect();
    let expected = [
        "one: Scheduled -> Running",
        "double: Pending -> Running",
        "double: Running -> Success",
        "one: Running -> Success",
    ];
    assert_eq!(changes, expected);
    assert_eq!(run.changes()[0].kind, TrackedKind::Flow);
    assert_eq!(run.changes()[2].new.value(), Some(&2_u32));
}

#[test]
fn what_handlers_make_of_a_state_is_what_is_kept() {
    #[task(state_handlers = [|_: &Tracked, _: &State, new: State| if new.kind() == Failed { State::success(7_u32) } else { new }])]
    fn fails() -> Result<u32, String> {
        Err("no".to_owned())
    }
    let run = TestRun::of(&flow!("one", { fails() })).run();
    assert_eq!(run.kinds_of("fails"), [Running, Success]);
    assert_eq!(run.output().unwrap(), 7);
}

#[test]
fn messages_without_a_webhook_and_without_a_network() {
    let run = TestRun::of(&nightly::flow()).failing("download", "<503>").run();
    let told: Vec<_> = run.notifications().iter().map(ToString::to_string).collect();
    let failed = "SLACK_WEBHOOK_URL: download is now in a Failed state";
    assert_eq!(told, [failed, failed, failed, "ONCALL: total is now in a TriggerFailed state"]);
    let first = &run.notifications()[0];
    assert_eq!((first.name.as_str(), first.state, first.kind), ("download", Failed, TrackedKind::Task));
    assert_eq!(first.message(), "```&lt;503&gt;```");
    assert_eq!(first.payload["attachments"][0]["author_name"], "Prefect");
    // An hour lies between two attempts.
    let hours: Vec<_> =
        run.notifications().iter().map(|sent| sent.at.duration_since(prefect::testing::START).as_hours()).collect();
    assert_eq!(hours, [0, 1, 2, 2]);
    assert_eq!(run.flow_run().notifications().to_string(), "notifications: 4 sent");
}

#[test]
fn a_strict_notifier_takes_its_message_as_sent() {
    const STRICT: SlackNotifier = slack_notifier::on_delivery_failure(OnDeliveryFailure::Fail);
    #[task(state_handlers = [STRICT])]
    fn strict() {}
    let run = TestRun::of(&flow!("one", { strict() })).run();
    run.assert_ended(Success);
    assert_eq!(run.notifications().len(), 2);
}

#[test]
fn secrets_are_in_no_message_no_line_and_no_table() {
    #[task(state_handlers = [slack_notifier])]
    fn leaks() -> Result<(), String> {
        let token: String = prefect::Secret::new("TOKEN").get_as().unwrap();
        tracing::info!(token, "the token is {token}");
        Err(token)
    }
    let run = TestRun::of(&flow!("one", { leaks() })).secret("TOKEN", "correct horse battery").run();
    run.assert_state("leaks", Failed);
    let all = format!("{run} {:?} {:?}", run.notifications(), run.logs());
    assert!(!all.contains("horse"), "{all}");
    assert!(run.logs().iter().any(|line| line.text.starts_with("the token is ")));
    let given = State::failed("no correct horse battery");
    let run = TestRun::of_task(leaks).given_state("leaks", given).secret("TOKEN", "correct horse battery").run();
    assert!(!run.to_string().contains("horse"), "{run}");
}

#[task]
fn says(x: u32) -> u32 {
    tracing::warn!(x, "said in passing");
    x
}

#[task]
async fn says_later(x: u32) -> u32 {
    prefect::sleep(std::time::Duration::from_mins(1)).await;
    tracing::warn!(x, "said later");
    x
}

#[test]
fn log_lines_of_bodies_wherever_they_run() {
    for executor in [Executor::Local, Executor::threads(3)] {
        let flow = flow!("logs", {
            says::map([1, 2]);
            says_later(3);
        });
        let run = TestRun::of(&flow).executor(executor).run();
        let lines = run.logs().iter().filter(|line| line.target.starts_with("testing"));
        let mut lines: Vec<_> = lines.map(|line| (line.task.as_deref().unwrap_or("-"), line.text.as_str())).collect();
        lines.sort_unstable();
        let expected =
            [("says[0]", "said in passing x=1"), ("says[1]", "said in passing x=2"), ("says_later", "said later x=3")];
        assert_eq!(lines, expected, "{executor:?}");
        assert!(
            run.logs().iter().any(|line| line.to_string() == "INFO prefect.FlowRunner: Beginning Flow run for 'logs'")
        );
    }
}

#[test]
fn who_listens_to_the_test_hears_the_lines_too() {
    let (run, logs) = Logs::of(|| TestRun::of(&flow!("one", { says(1) })).run());
    run.assert_ended(Success);
    assert!(logs.all().contains("said in passing"), "{}", logs.all());
}

#[test]
fn the_table() {
    let run = TestRun::of(&nightly::flow())
        .given_state("download", State::success(vec![1_u32, 2]))
        .failing("double", "odd\u{1b}[2J\nindeed")
        .run();
    let expected = "\
flow `nightly`: Failed after 0s: Some reference tasks failed.
  page       Success
  download   Success        given
  double     Mapped                Ready to proceed with mapping.
  double[0]  Failed                Error during execution of task: odd\\u{1b}[2J\\nindeed
  double[1]  Failed                Error during execution of task: odd\\u{1b}[2J\\nindeed
  total      TriggerFailed         Trigger was \"all_successful\" but some of the upstream tasks failed.
  message to ONCALL: total is now in a TriggerFailed state
";
    assert_eq!(run.to_string(), expected);
    assert_eq!(format!("{run:?}"), expected);
}

#[test]
fn a_large_run_shows_what_went_wrong() {
    let flow = flow!("large", { double::map((0..500).collect::<Vec<u32>>()) });
    let states = (0..500_u32).map(|n| if n == 321 { State::failed("odd") } else { State::success(n) });
    let run = TestRun::of(&flow).given_children("double", states).run();
    let expected = "\
flow `large`: Failed after 0s: Some reference tasks failed.
  double[321]  Failed  given  odd
  and 500 tasks more
";
    assert_eq!(run.to_string(), expected);
}

#[test]
fn mails_are_kept_as_well() {
    #[task(state_handlers = [email_notifier(only_states = [Failed], to = "ops@example.org")])]
    fn broken() -> Result<i64, String> {
        Err("a < b".to_owned())
    }
    let run = TestRun::of(&flow!("mail", { broken() })).run();
    let [mail] = run.notifications() else { panic!("one mail: {run}") };
    assert_eq!(
        (mail.secret, mail.text(), mail.message()),
        ("EMAIL_USERNAME", "broken is now in a Failed state", "a < b")
    );
    assert_eq!(mail.payload["to"], "ops@example.org");
    assert_eq!(mail.payload["subject"], "Prefect state change notification for broken");
    assert!(mail.payload["html"].as_str().unwrap().contains("a &lt; b"));
    assert_eq!(run.flow_run().notifications().sent(), 1);
}
