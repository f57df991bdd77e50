//! What carries a message to a webhook: HTTP in production, anything in tests.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::webhook_url::WebhookUrl;

/// An answer that came.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The header of that name, as sent.
    pub(crate) retry_after: Option<String>,
    /// The beginning of the body.
    pub(crate) body: String,
}

/// No answer came. The words go into logs and the summary: short, and nothing of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "slack"), allow(dead_code, reason = "the HTTP client reads it"))]
pub(crate) enum SendError {
    /// The request never left: no connection.
    NotSent(String),
    /// The request may have arrived.
    Unsure(String),
}

pub(crate) type Sending = Pin<Box<dyn Future<Output = Result<Reply, SendError>> + Send>>;

/// Posts JSON bodies to one webhook.
pub(crate) trait Transport: Send + Sync {
    fn post(&self, body: String) -> Sending;
}

/// A proxy per scheme, as Prefect takes them.
pub(crate) type Proxies = &'static [(&'static str, &'static str)];

/// Where and how to post.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "slack"), allow(dead_code, reason = "the HTTP client reads it"))]
pub(crate) struct Endpoint {
    pub(crate) url: WebhookUrl,
    pub(crate) proxies: ProxyList,
    pub(crate) timeouts: Timeouts,
}

/// Proxies, whose URLs can hold passwords: `Debug` shows the schemes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct ProxyList(pub(crate) Proxies);

impl std::fmt::Debug for ProxyList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(scheme, _)| scheme)).finish()
    }
}

/// How long one attempt may take.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "slack"), allow(dead_code, reason = "the HTTP client reads it"))]
pub(crate) struct Timeouts {
    /// To connect.
    pub(crate) connect: Duration,
    /// In all.
    pub(crate) total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10) }
    }
}

/// Makes the transport of a webhook. Called on the thread that delivers, so it may read certificates from disk.
/// The error is a reason for the summary, with nothing of the URL in it.
pub(crate) type Connect = Arc<dyn Fn(&Endpoint) -> Result<Arc<dyn Transport>, String> + Send + Sync>;

/// HTTP, if it was compiled in.
pub(crate) fn http() -> Connect {
    #[cfg(feature = "slack")]
    return Arc::new(super::http::connect);
    #[cfg(not(feature = "slack"))]
    return Arc::new(|_| Err("built without the feature `slack`".to_owned()));
}
