//! What delivery writes to the log. A secret is named, never shown.
use std::fmt;

const TARGET: &str = "prefect::slack_notifier";

/// Which secret is missing and where to put it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MissingSecret<'a>(pub(crate) &'a str);

impl fmt::Display for MissingSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        write!(
            f,
            "no webhook: the secret `{name}` is not set; put it into `[context.secrets]` of ~/.prefect/config.toml, \
             or into the environment variable PREFECT__CONTEXT__SECRETS__{name}"
        )
    }
}

pub(crate) fn missing(secret: &str) {
    tracing::warn!(target: TARGET, "notifications are not sent, {}", MissingSecret(secret));
}

pub(crate) fn misconfigured(secret: &str, why: &dyn fmt::Display) {
    tracing::error!(target: TARGET, secret, "notifications are not sent: {why}");
}

pub(crate) fn stopped(secret: &str, reason: &str) {
    tracing::error!(
        target: TARGET,
        secret,
        "the webhook in the secret `{secret}` takes no messages ({reason}); nothing more is sent to it in this run"
    );
}

pub(crate) fn dropped(secret: &str, reason: &str) {
    tracing::warn!(target: TARGET, secret, "a notification was not sent to the webhook in `{secret}` ({reason})");
}
