//! What delivery writes to the log. A secret is named, never shown.
use super::route::{BadRoute, Route};
use super::service::{MissingSecret, Service};

/// Targets are part of a line's place in the program: one for each service, known when it is compiled.
macro_rules! log {
    ($service:expr, $level:ident, $($line:tt)+) => {
        match $service {
            Service::Slack => tracing::$level!(target: "prefect::slack_notifier", $($line)+),
            #[cfg(feature = "email")]
            Service::Email => tracing::$level!(target: "prefect::email_notifier", $($line)+),
        }
    };
}

pub(crate) fn missing(secret: MissingSecret) {
    log!(secret.service, warn, "notifications are not sent, {secret}");
}

pub(crate) fn misconfigured(bad: &BadRoute) {
    log!(bad.service, error, "notifications are not sent: {}", bad.why);
}

pub(crate) fn stopped(route: &dyn Route, reason: &str) {
    let secret = route.secret();
    let remedy = route.remedy().map(|remedy| format!(": {remedy}")).unwrap_or_default();
    log!(
        route.service(),
        error,
        secret,
        "{route} takes no messages ({reason}); nothing more is sent to it in this run{remedy}"
    );
}

pub(crate) fn dropped(route: &dyn Route, reason: &str) {
    let secret = route.secret();
    log!(route.service(), warn, secret, "a notification was not sent to {route} ({reason})");
}

pub(crate) fn left(route: &dyn Route, reason: &str) {
    let secret = route.secret();
    log!(route.service(), warn, secret, "a notification to {route} waits for another try ({reason})");
}
