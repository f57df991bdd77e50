//! No secret in any text.
use prefect::{Config, Redactor, Secret};

use crate::hostile::Random;
use crate::of_file;

const CANARY: &str = "canary/\"Zaphod\" & <\u{e9}\n> 100%";

fn with(name: &str, secret: &str) -> Redactor {
    let redactor = Redactor::new();
    redactor.add(name, secret);
    redactor
}

#[test]
fn nothing_of_ours_prints_a_secret() {
    let config = Config::builder()
        .secret("A", CANARY)
        .user_config("[etl]\nurl = \"x-${context.secrets.B}\"\n[context.secrets]\nB = \"bananas\"\n")
        .environment([("PREFECT__CONTEXT__SECRETS__C", "cherries"), ("D", "daiquiri")]);
    let builder = format!("{config:?}");
    let config = config.build().unwrap();
    let secret = Secret::new("A");
    let value = secret.get_from(&config).unwrap();
    let text = config.secret_text("A").unwrap();
    let mut printed = vec![format!("{config:?} {:?} {secret:?} {value:?} {value} {text:?} {text}", config.redactor())];
    printed.push(config.get_as::<u32>("etl.url").unwrap_err().to_string());
    printed.push(config.state_kinds("etl.url").unwrap_err().to_string());
    printed.push(builder);
    for printed in printed {
        for secret in ["Zaphod", "bananas", "cherries", "daiquiri"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    for file in ["[ui]\nurl = \"${context.secrets.B}\"\n", "[slack]\nonly_states = [\"bananas\"]\n"] {
        let error = of_file(&format!("{file}[context.secrets]\nB = \"bananas\"\n")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("bananas"), "{error}");
        assert!(error.to_string().contains("[redacted B]"), "{error}");
    }
}

#[test]
fn a_secret_is_found_in_every_dress() {
    let redactor = with("A", CANARY);
    let json = serde_json::to_string(CANARY).unwrap();
    for dressed in [
        CANARY.to_owned(),
        json.clone(),
        json.replace('/', "\\/"),
        json.replace('\u{e9}', "\\u00e9"),
        format!("{CANARY:?}"),
        CANARY.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        "canary%2F%22Zaphod%22%20%26%20%3C%C3%A9%0A%3E%20100%25".to_owned(),
        "canary%2f%22Zaphod%22%20%26%20%3c%c3%a9%0a%3e%20100%25".to_owned(),
        "canary%2F%22Zaphod%22+%26+%3C%C3%A9%0A%3E+100%25".to_owned(),
    ] {
        let redacted = redactor.redact(&dressed).into_owned();
        assert!(redacted.contains("[redacted A]") && !redacted.contains("Zaphod"), "{dressed} gave {redacted}");
    }
}

#[test]
fn parts_of_a_url_are_found_alone() {
    let redactor = with("HOOK", "https://user:pass-word@host.example/services/T000/B000/abcdefghijklmnop");
    for part in ["pass-word", "/services/T000/B000/abcdefghijklmnop", "abcdefghijklmnop"] {
        assert_eq!(redactor.redact(&format!("a {part} b")), "a [redacted HOOK] b");
    }
    assert_eq!(redactor.redact("host.example services T000"), "host.example services T000");
    // Loopback servers have short paths, which are ordinary words.
    assert_eq!(with("HOOK", "http://127.0.0.1:80/a").redact("n/a"), "n/a");
}

#[test]
fn webhooks_of_slack_are_hidden_without_being_known() {
    let redactor = Redactor::new();
    for (text, expected) in [
        ("at https://hooks.slack.com/services/T0/B0/x.", "at https://hooks.slack.com/services/[redacted]"),
        ("(https://hooks.slack.com/workflows/T0/x)", "(https://hooks.slack.com/workflows/[redacted])"),
        ("\"https://hooks.slack.com/triggers/x\"", "\"https://hooks.slack.com/triggers/[redacted]\""),
        (r#""https:\/\/hooks.slack.com\/services\/T0\/B0\/x""#, r#""https:\/\/hooks.slack.com\/services\/[redacted]""#),
        (
            "u=https%3A%2F%2Fhooks.slack.com%2Fservices%2FT0%2Fx",
            "u=https%3A%2F%2Fhooks.slack.com%2Fservices%2F[redacted]",
        ),
        ("HTTPS://HOOKS.Slack.COM:443/services/T0/x z", "HTTPS://HOOKS.Slack.COM:443/services/[redacted] z"),
        ("<https://hooks.slack-gov.com/services/T0|x>", "<https://hooks.slack-gov.com/services/[redacted]|x>"),
        (
            "hooks.slack.com/services/a hooks.slack.com/services/b",
            "hooks.slack.com/services/[redacted] hooks.slack.com/services/[redacted]",
        ),
        ("hooks.slack.com/services/", "hooks.slack.com/services/"),
        ("hooks.slack.com", "hooks.slack.com"),
        ("hooks.slack.com/", "hooks.slack.com/"),
        ("ho", "ho"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
    let known = with("HOOK", "https://hooks.slack.com/services/T0/B0/x");
    assert_eq!(known.redact("https://hooks.slack.com/services/T0/B0/x!"), "[redacted HOOK]!");
    assert_eq!(known.redact("https://hooks.slack.com/services/T0/B0/xyz!"), "[redacted HOOK]!");
}

#[test]
fn overlapping_secrets_leave_nothing_of_either() {
    let redactor = with("SHORT", "abcd");
    redactor.add("LONG", "abcdefgh");
    redactor.add("NEXT", "cdefghijkl");
    assert_eq!(redactor.redact("abcdefgh"), "[redacted LONG]");
    assert_eq!(redactor.redact("abcd efgh"), "[redacted SHORT] efgh");
    assert_eq!(redactor.redact("<abcdefghijkl>"), "<[redacted LONG]>");
    assert_eq!(redactor.redact("abcdabcd"), "[redacted SHORT][redacted SHORT]");
}

#[test]
fn short_secrets_are_left_alone_and_clones_share_what_is_added() {
    let redactor = with("A", "abc");
    redactor.add("B", "  \n  ");
    assert_eq!(redactor.redact("abc  \n  "), "abc  \n  ");
    redactor.clone().add("C", "line\n");
    assert_eq!(redactor.redact("line one"), "[redacted C] one");
    assert_eq!(with("odd \"name\"", "value").redact("value"), "[redacted odd??name?]");
}

#[test]
fn numbers_texts_and_lists_of_a_configuration_are_hidden() {
    let file = "[context.secrets]\nPIN = 123456\nEXP = \"1e5000\"\nHEX = \"0xC0FFEE\"\nLIST = [\"first one\", true]\nDB = {pw = \"deep one\"}\n";
    let config = of_file(file).unwrap();
    let redacted = config.redactor().redact("123456 1e5000 0xC0FFEE first one true deep one");
    assert_eq!(redacted, "[redacted PIN] [redacted EXP] [redacted HEX] [redacted LIST] true [redacted DB.pw]");
}

#[test]
fn random_secrets_are_never_left() {
    const PIECES: &[&str] =
        &["a", "b", "ab", "\"", "\\", "/", "%", "&", "<", " ", "\n", "é", "🔴", "hooks.slack.com/", "x/"];
    let mut random = Random::seeded("random_secrets_are_never_left");
    for _ in 0..20_000 {
        let secrets: Vec<_> =
            (0..3).map(|_| random.text(PIECES, 8)).filter(|s| s.trim().chars().count() >= 4).collect();
        let redactor = Redactor::new();
        for secret in &secrets {
            redactor.add("S", secret);
        }
        let mut text = random.text(PIECES, 12);
        for secret in &secrets {
            text += secret;
            text += &random.text(PIECES, 4);
        }
        let redacted = redactor.redact(&text);
        // Markers are cut out first: they may contain what looks like a secret, and are none.
        for rest in redacted.split("[redacted S]").flat_map(|rest| rest.split("[redacted]")) {
            assert!(!secrets.iter().any(|secret| rest.contains(secret)), "{secrets:?} in {text:?} gave {redacted:?}");
        }
        assert_eq!(redactor.redact("nothing to hide"), "nothing to hide");
    }
}
