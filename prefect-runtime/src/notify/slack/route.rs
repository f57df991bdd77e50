//! From a bound webhook to what posts to it.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Webhook;
use super::transport::{Connect, Endpoint, Transport};
use super::webhook_url::WebhookUrl;
use crate::TaskError;
use crate::notify::notice::Notice;
use crate::notify::route::{Answer, BadRoute, Carrier, Carrying, Form, NoRoute, Route};
use crate::notify::service::{MissingSecret, Service};
use crate::notify::settings::DeliverySettings;

/// A webhook whose URL is known.
struct ToWebhook {
    secret: &'static str,
    endpoint: Endpoint,
    connect: Connect,
    flush_deadline: Duration,
}

/// The way to a webhook, by its secret.
pub(crate) fn route(webhook: Webhook, settings: &DeliverySettings) -> Result<Arc<dyn Route>, NoRoute> {
    let Webhook { secret, proxies } = webhook;
    let Some(text) = (settings.resolve_secret)(secret) else {
        return Err(NoRoute::Missing(MissingSecret { service: Service::Slack, name: secret }));
    };
    let url = WebhookUrl::parse(secret, &text).map_err(|why| {
        let reason = format!("bad webhook: {secret}").into();
        NoRoute::Bad(BadRoute { service: Service::Slack, reason, why: why.to_string().into() })
    })?;
    let endpoint = Endpoint { url, proxies, timeouts: settings.timeouts };
    let (connect, flush_deadline) = (Arc::clone(&settings.connect), settings.flush_deadline);
    Ok(Arc::new(ToWebhook { secret, endpoint, connect, flush_deadline }))
}

/// Checks the text of a webhook secret before a run starts. The error names the secret and shows nothing of its text.
pub(crate) fn check_webhook(secret: &str, text: &str) -> Result<(), TaskError> {
    WebhookUrl::parse(secret, text)?;
    Ok(())
}

impl fmt::Display for ToWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the webhook in the secret `{}`", self.secret)
    }
}

impl Route for ToWebhook {
    fn service(&self) -> Service {
        Service::Slack
    }

    fn flush_deadline(&self) -> Duration {
        self.flush_deadline
    }

    fn connect(&self) -> Result<Arc<dyn Carrier>, String> {
        Ok(Arc::new(Posting((self.connect)(&self.endpoint)?)))
    }

    fn secret(&self) -> Option<&'static str> {
        Some(self.secret)
    }

    fn remedy(&self) -> Option<&'static str> {
        None
    }
}

/// Posts messages as Slack wants them.
struct Posting(Arc<dyn Transport>);

impl Carrier for Posting {
    fn carry(&self, notice: &Notice, form: Form) -> Carrying {
        let sending = self.0.post(match form {
            Form::Full => notice.to_json(),
            Form::Plain => notice.to_plain_json(),
        });
        Box::pin(async move { Box::new(sending.await) as Box<dyn Answer> })
    }
}
