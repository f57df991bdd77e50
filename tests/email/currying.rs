//! Binding arguments early, and all the places where a notifier can stand.
use prefect::TaskError;
use prefect::prelude::*;

use crate::server::FakeSmtp;
use crate::{config, section, settings, told};

const MAIL: EmailNotifier = email_notifier::only_states(&[Failed]).to("ops@example.org");
const BOTH: EmailNotifier = MAIL.to("ops@example.org, Boss <boss@example.org>").ignore_states(&[TimedOut]);

#[test]
fn all_spellings_of_one_binding_are_equal() {
    assert_eq!(email_notifier::__kw().__call(), EmailNotifier::DEFAULT);
    assert_eq!(EmailNotifier::default(), EmailNotifier::DEFAULT);
    assert_eq!(email_notifier::__kw().to("ops@example.org").only_states([Failed]).__call(), MAIL);
    assert_eq!(email_notifier::to("ops@example.org").only_states(&[Failed]), MAIL);
    assert_eq!(BOTH.to("ops@example.org").ignore_states(&[]), MAIL);
    assert_eq!(
        email_notifier::__kw().backend_info(false).on_delivery_failure(OnDeliveryFailure::Fail).__call(),
        email_notifier::on_delivery_failure(OnDeliveryFailure::Fail).backend_info(false),
    );
    let shown = format!("{BOTH:?}");
    for part in ["only_states", "Failed", "TimedOut", "ops@example.org, Boss", "backend_info: true"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(format!("{:?}", MAIL.backend_info(false)).contains("backend_info: false"));
}

#[test]
fn a_notifier_stands_wherever_a_handler_does() {
    fn own(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        let new = email_notifier(object, old, new)?;
        MAIL.handle(object, old, new)
    }
    #[task(name = "a", state_handlers = [own])]
    fn own_rule() -> Result<(), String> {
        Err("a".to_owned())
    }
    #[task(name = "b", state_handlers = [MAIL, email_notifier(only_states = vec![Failed], to = "b@example.org"), slack_notifier(ignore_states = [StateKind::State])])]
    fn bound() -> Result<(), String> {
        Err("b".to_owned())
    }
    let server = FakeSmtp::plain();
    let run = flow!("f", state_handlers = [BOTH, |_, _, new| new], {
        own_rule();
        bound();
    })
    .with(settings(config(&section(&server))))
    .run();
    assert_eq!(told(&run), (Failed, "notifications: 6 sent".to_owned()));
    let mut to: Vec<_> = server.received().into_iter().map(|mail| mail.to.join(" ")).collect();
    to.sort();
    let me = crate::USER;
    assert_eq!(to, ["b@example.org", me, me, "ops@example.org", "ops@example.org", "ops@example.org boss@example.org"]);
    let with_names = server.received().into_iter().find(|mail| mail.to.len() == 2).unwrap();
    assert!(with_names.text.contains("To: ops@example.org, Boss <boss@example.org>\r\n"), "{}", with_names.text);
}

#[test]
fn an_address_that_is_none_is_told_once_and_changes_nothing() {
    #[task(state_handlers = [email_notifier(to = "ops"), email_notifier(to = "x@y.example\r\nBcc: z@y.example"), email_notifier])]
    fn fine() {}
    let server = FakeSmtp::plain();
    let (line, logs) =
        prefect_tests::logs::Logs::of(|| told(&flow!("f", { fine() }).with(settings(config(&section(&server)))).run()));
    let summary = "notifications: 2 sent, 4 not sent (email: bad address in `to`)";
    assert_eq!(line, (Success, summary.to_owned()));
    let errors = logs.at(tracing::Level::ERROR);
    assert!(errors.len() == 1 && errors[0].contains("\"ops\"") && errors[0].contains("ops@example.org"), "{errors:?}");
}
