use std::borrow::Cow;
use std::fmt;

use super::*;
use crate::notify::notice::Link;
use crate::notify::service::{MissingSecret, Service};
use crate::notify::settings::DeliverySettings;
use crate::notify::testing_services;
use crate::{Signal, State, StateKind, StateResult, Tracked, TrackedKind};

const HOOK: MissingSecret = MissingSecret { service: Service::Slack, name: "HOOK" };

fn object(name: &str) -> Tracked {
    testing_services::tracked(TrackedKind::Task, name)
}

fn render(object: &Tracked, state: &State) -> serde_json::Value {
    let notice = Notice::render(object, state, Link::Shown, &DeliverySettings::default());
    serde_json::from_str(&notice.to_json()).unwrap()
}

fn value(state: &State) -> String {
    render(&object("t"), state)["attachments"][0]["fields"][0]["value"].as_str().unwrap().to_owned()
}

fn failed(error: &str) -> State {
    State::failed("message").with_error(error)
}

#[test]
fn three_characters_are_escaped_in_names_messages_and_errors_and_nothing_else() {
    let nasty = "<!channel> & <@U1> \"'`*_~ <http://evil|Approve>";
    let safe = "&lt;!channel&gt; &amp; &lt;@U1&gt; \"'`*_~ &lt;http://evil|Approve&gt;";
    let payload = render(&object(nasty), &State::failed(nasty));
    let card = &payload["attachments"][0];
    assert_eq!(card["text"], format!("{safe} is now in a Failed state"));
    assert_eq!(card["fields"][0]["value"], safe);
    assert_eq!(value(&failed(nasty)), format!("```{safe}```"));
}

#[test]
fn backquotes_in_an_error_cannot_close_the_fence() {
    for error in ["```", "`a`", "a ``` b", "``````", "`", "x``", "```````"] {
        let shown = value(&failed(error));
        let inside = shown.strip_prefix("```").and_then(|s| s.strip_suffix("```")).unwrap();
        assert!(!inside.contains("```") && !inside.starts_with('`') && !inside.ends_with('`'), "{shown:?}");
        assert_eq!(inside.replace('\u{200b}', ""), error);
    }
    assert_eq!(value(&failed("expected `;` here")), "```expected `;` here```");
}

#[test]
fn long_texts_are_cut_between_characters_and_the_fence_is_closed() {
    for c in ["x", "é", "\u{1f534}", "&", "<", "`", "e\u{301}"] {
        let shown = value(&failed(&c.repeat(5_000)));
        let inside = shown.strip_prefix("```").and_then(|s| s.strip_suffix("…```")).unwrap();
        let count = inside.chars().filter(|c| *c != '\u{200b}').count();
        assert!((1_000..1_500).contains(&(count + if c == "`" { 750 } else { 0 })), "{c}: {count}");
        assert!(!inside.contains('&') || inside.ends_with(';'), "an entity was cut: {inside}");
    }
    assert_eq!(value(&failed(&"x".repeat(1_500))), format!("```{}```", "x".repeat(1_500)));
    assert_eq!(value(&failed(&"x".repeat(1_501))), format!("```{}…```", "x".repeat(1_499)));
    let whole = render(&object(&"&".repeat(1 << 20)), &State::failed("<".repeat(1 << 20))).to_string();
    assert!(whole.chars().count() < 9_000, "{}", whole.chars().count());
}

#[test]
fn signals_and_empty_errors_show_the_message_and_values_do_not_matter() {
    assert_eq!(value(&State::failed("m").with_error(Signal::skip("other"))), "m");
    assert_eq!(value(&State::failed("m").with_result(StateResult::Signal(crate::SignalKind::Fail, None))), "m");
    assert_eq!(value(&failed("")), "message");
    assert_eq!(value(&State::success("a text".to_owned())), "Task run succeeded.");
    assert_eq!(value(&State::failed("")), "");
    let none = render(&object("t"), &State::new(StateKind::Failed));
    assert_eq!(none["attachments"][0]["fields"], serde_json::json!([]));
}

#[test]
fn an_error_that_cannot_even_be_shown_is_still_a_message() {
    #[derive(Debug)]
    struct Rude;
    impl fmt::Display for Rude {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("never")
        }
    }
    impl std::error::Error for Rude {}
    let shown = value(&State::failed("m").with_error(Rude));
    assert_eq!(shown, "```an error whose text cannot be shown: its `Display` panicked```");
}

#[test]
fn a_link_needs_a_configured_ui_and_backend_info() {
    let mut settings = DeliverySettings { ui_url: Some("https://ui.example/".into()), ..DeliverySettings::default() };
    let link = |link, settings: &DeliverySettings| {
        let notice = Notice::render(&object("t"), &State::success(1), link, settings);
        let payload: serde_json::Value = serde_json::from_str(&notice.to_json()).unwrap();
        payload["attachments"][0].get("title_link").cloned()
    };
    assert_eq!(link(Link::Shown, &settings), Some("https://ui.example/flow-run/test-run".into()));
    assert_eq!(link(Link::LeftOut, &settings), None);
    settings.ui_url = None;
    assert_eq!(link(Link::Shown, &settings), None);
}

#[test]
fn secrets_are_taken_out_before_anything_is_cut() {
    let settings = DeliverySettings {
        redact: std::sync::Arc::new(|text| Cow::Owned(text.replace("s3cret-canary", "[SECRET]"))),
        ..DeliverySettings::default()
    };
    let error = format!("{}s3cret-canary", "x".repeat(1_490));
    let object = object("load s3cret-canary");
    for state in [failed(&error), State::failed(error.clone())] {
        let notice = Notice::render(&object, &state, Link::Shown, &settings);
        let all = format!("{} {} {notice:?} {:?}", notice.to_json(), notice.to_plain_json(), notice.to_card(HOOK));
        assert!(!all.contains("s3cret"), "{all}");
        assert!(notice.to_json().contains("load [SECRET] is now"));
    }
}

#[test]
fn the_plain_form_has_the_same_words() {
    let settings = DeliverySettings::default();
    let plain = |state: &State| Notice::render(&object("a<b"), state, Link::Shown, &settings).to_plain_json();
    assert_eq!(plain(&failed("x & y")), r#"{"text":"a&lt;b is now in a Failed state\n```x &amp; y```"}"#);
    assert_eq!(plain(&State::failed("<m>")), r#"{"text":"a&lt;b is now in a Failed state\n&lt;m&gt;"}"#);
    assert_eq!(plain(&State::new(StateKind::Running)), r#"{"text":"a&lt;b is now in a Running state"}"#);
}

#[test]
fn a_card_is_for_people_and_not_escaped() {
    let notice = Notice::render(&object("a<b"), &failed("x & y"), Link::Shown, &DeliverySettings::default());
    let card = notice.to_card(HOOK);
    assert_eq!(card.text, "a<b is now in a Failed state");
    assert_eq!(card.message.as_deref(), Some("x & y"));
    assert_eq!((card.kind, card.missing.name), (StateKind::Failed, "HOOK"));
}
