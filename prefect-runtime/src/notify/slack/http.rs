//! Posting to a webhook over HTTP.
use std::error::Error;
use std::io;
use std::sync::Arc;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy, Response, Url};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::transport::{Endpoint, Reply, SendError, Sending, Transport};
use super::webhook_url::{Scheme, WebhookUrl};
use crate::notify::words::of_stream;

/// Slack's answers are a word; more than this is not from Slack.
const MOST_BODY: usize = 4096;

struct Http {
    client: Client,
    url: Url,
}

/// A client for this webhook alone: its connections, certificates and proxies.
pub(crate) fn connect(endpoint: &Endpoint) -> Result<Arc<dyn Transport>, String> {
    let url = Url::parse(endpoint.url.expose()).map_err(|_| "the webhook is not a URL".to_owned())?;
    let builder = Client::builder()
        .tls_backend_preconfigured(tls(&endpoint.url)?)
        .redirect(Policy::none())
        .connect_timeout(endpoint.timeouts.connect)
        .timeout(endpoint.timeouts.total)
        .user_agent(concat!("prefect-rs/", env!("CARGO_PKG_VERSION")));
    let client = proxied(builder, endpoint)?.build().map_err(|e| format!("no HTTP client: {}", words(&e)))?;
    Ok(Arc::new(Http { client, url }))
}

/// The provider is named here: the process-wide one belongs to the program, and there may be two or none.
fn tls(url: &WebhookUrl) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let no_tls = |e| format!("no TLS: {e}");
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(no_tls)?;
    Ok(match url.scheme() {
        Scheme::Https => builder.with_platform_verifier().map_err(no_tls)?.with_no_client_auth(),
        // Never used, and reading the system's certificates takes time.
        Scheme::HttpLoopback => builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
    })
}

fn proxied(mut builder: ClientBuilder, endpoint: &Endpoint) -> Result<ClientBuilder, String> {
    let proxies = endpoint.proxies.0;
    if proxies.is_empty() {
        // Proxies from the environment are for the world outside.
        return Ok(if endpoint.url.scheme() == Scheme::HttpLoopback { builder.no_proxy() } else { builder });
    }
    for (scheme, url) in proxies {
        let proxy = match *scheme {
            "https" => Proxy::https(*url),
            "http" => Proxy::http(*url),
            "all" => Proxy::all(*url),
            other => return Err(format!("proxies: unknown scheme `{other}`, expected `https`, `http` or `all`")),
        };
        // The error could quote the URL, which can hold a password.
        builder = builder.proxy(proxy.map_err(|_| format!("proxies: the one for `{scheme}` is not a URL"))?);
    }
    Ok(builder)
}

impl Transport for Http {
    fn post(&self, body: String) -> Sending {
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        Box::pin(async move {
            let response = request.send().await.map_err(|error| {
                let error = error.without_url();
                let why = words(&error);
                if error.is_connect() { SendError::NotSent(why) } else { SendError::Unsure(why) }
            })?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
            Ok(Reply { status, retry_after, body: beginning(response).await })
        })
    }
}

/// The beginning of the body, as far as it came: the status is known, and what is missing changes nothing.
async fn beginning(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < MOST_BODY
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MOST_BODY);
    String::from_utf8_lossy(&body).into_owned()
}

/// A few words of our own for what went wrong: no text of the client's, which could quote what it was given.
fn words(error: &reqwest::Error) -> String {
    let mut fallback = if error.is_connect() { "no connection" } else { "no valid answer" };
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(said) = error.downcast_ref::<io::Error>().and_then(of_stream) {
            return said;
        }
        if error.to_string().contains("dns error") {
            fallback = "host not found";
        }
        source = error.source();
    }
    if error.is_timeout() { "timed out".to_owned() } else { fallback.to_owned() }
}
