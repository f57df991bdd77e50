//! One message to a webhook, outside of any run: whether it works, in words.
use jiff::Timestamp;
use tokio::runtime::Builder;

use super::transport::{Endpoint, ProxyList, Reply, SendError, Timeouts, http};
use super::webhook_url::WebhookUrl;
use crate::TaskError;
use crate::notify::route::Answer as _;
use crate::notify::verdict::Verdict;

/// What the message says.
const TEST: &str = "Test message from prefect";

/// Posts a message to the webhook in this secret, as notifiers do. The error is what became of it, in words, and shows nothing
/// of the URL.
pub(crate) fn try_webhook(secret: &str, text: &str) -> Result<(), String> {
    let url = WebhookUrl::parse(secret, text).map_err(|error| error.to_string())?;
    let endpoint = Endpoint { url, proxies: ProxyList::default(), timeouts: Timeouts::default() };
    // On a thread of its own: the program may have an async runtime on this one.
    let posted = std::thread::spawn(move || post(&endpoint)).join();
    let answer = posted.unwrap_or_else(|_| Err("the thread that sends it has panicked".to_owned()))?;
    told(&answer.verdict(Timestamp::now()), answer.as_ref().ok().map(|reply| reply.status))
}

fn post(endpoint: &Endpoint) -> Result<Result<Reply, SendError>, String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("it cannot be sent: {error}"))?;
    let transport = http()(endpoint)?;
    let answer = runtime.block_on(async { transport.post(serde_json::json!({ "text": TEST }).to_string()).await });
    // A name lookup that hangs in the system is not waited for.
    runtime.shutdown_background();
    Ok(answer)
}

/// What an answer means for whoever set the webhook up.
fn told(verdict: &Verdict, status: Option<u16>) -> Result<(), String> {
    let again = "add its app to the channel again, and keep the new URL";
    Err(match verdict {
        Verdict::Accepted => return Ok(()),
        Verdict::BadConfig(code) => match *code {
            "channel_not_found" | "channel_is_archived" => {
                format!(
                    "the channel of the webhook is gone or archived ({code}): choose another one in Slack, and {again}"
                )
            }
            "action_prohibited" | "posting_to_general_channel_denied" => {
                format!("the workspace does not allow it ({code}): ask who administers it")
            }
            code => format!("the webhook was removed or switched off in Slack ({code}): {again}"),
        },
        // A page or an empty answer of Slack's, without a code.
        Verdict::Refused(_) if matches!(status, Some(404 | 410)) => {
            format!("the webhook was removed, or its URL is not whole ({}): {again}", status.unwrap_or_default())
        }
        Verdict::Refused(why) if status == Some(403) => format!("Slack does not allow it ({why}): {again}"),
        Verdict::RateLimited(wait) => {
            format!("Slack has had too many messages: try again in {} s", wait.as_secs().max(1))
        }
        Verdict::BadPayload(why) | Verdict::Refused(why) => {
            format!("the message was refused ({why}): is it the URL of a Slack webhook?")
        }
        Verdict::NotSent(why) => format!("there was no connection ({why}): check the network and the proxy"),
        Verdict::Unavailable(why, _) => format!("Slack gave no proper answer ({why}): try again later"),
    })
}

/// The host of a webhook, and no more of it.
pub(crate) fn masked(secret: &str, text: &str) -> Result<String, TaskError> {
    Ok(format!("{}/…", WebhookUrl::parse(secret, text)?.host()))
}
