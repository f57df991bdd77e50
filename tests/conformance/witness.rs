//! What is seen of a run while it runs: calls of handlers and requests at the webhook, numbered in one count.
use std::sync::{Arc, Mutex};

use prefect::fake_slack::FakeSlack;
use prefect::{State, Tracked, TrackedKind};
use serde_json::{Value as Json, json};

#[derive(Clone)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

struct Seen {
    events: Vec<Json>,
    posts: Vec<Json>,
    slack: FakeSlack,
    /// What the webhook answers, in order.
    answers: Vec<u64>,
}

impl Seen {
    /// A message is sent in place: what has arrived by now came before what happens next.
    fn look_at_posts(&mut self) {
        for request in self.slack.requests().iter().skip(self.posts.len()) {
            let seq = self.events.len() + self.posts.len() + 1;
            let responded = self.answers.get(self.posts.len()).copied().unwrap_or(200);
            self.posts.push(json!({
                "seq": seq,
                "method": request.method(),
                "path": request.path(),
                "content_type": request.header("content-type"),
                "json": request.json(),
                "responded": responded,
            }));
        }
    }
}

impl Witness {
    pub(crate) fn new(slack: FakeSlack, answers: Vec<u64>) -> Self {
        Self(Arc::new(Mutex::new(Seen { events: Vec::new(), posts: Vec::new(), slack, answers })))
    }

    /// A resource was cleaned up.
    pub(crate) fn cleaned_up(&self, resource: &Json) {
        let mut seen = self.0.lock().unwrap();
        seen.look_at_posts();
        let seq = seen.events.len() + seen.posts.len() + 1;
        seen.events.push(json!({ "seq": seq, "handler": "resource.cleanup called", "argument": resource }));
    }

    pub(crate) fn event(&self, handler: &str, of: &Tracked, more: Json) {
        let mut seen = self.0.lock().unwrap();
        seen.look_at_posts();
        let kind = match of.kind() {
            TrackedKind::Task => "task",
            TrackedKind::Flow => "flow",
        };
        let seq = seen.events.len() + seen.posts.len() + 1;
        let mut event = json!({ "seq": seq, "handler": handler, "kind": kind, "name": of.name() });
        let Json::Object(more) = more else { panic!("fields of an event") };
        event.as_object_mut().unwrap().extend(more);
        seen.events.push(event);
    }

    /// A change of state, as a handler sees it.
    pub(crate) fn change(&self, handler: &str, of: &Tracked, old: &State, new: &State, outcome: Option<&str>) {
        let mut event = json!({
            "map_index": of.map_index(),
            "old": old.kind().name(),
            "old_message": old.message(),
            "new": new.kind().name(),
            "message": new.message(),
        });
        for (field, value) in [("run_count", new.run_count()), ("loop_count", new.loop_count())] {
            if let Some(count) = value {
                event[field] = json!(count);
            }
        }
        if let Some(outcome) = outcome {
            event["outcome"] = json!(outcome);
        }
        self.event(handler, of, event);
    }

    /// All events and all posts.
    pub(crate) fn all(&self) -> (Vec<Json>, Vec<Json>) {
        let mut seen = self.0.lock().unwrap();
        seen.look_at_posts();
        (seen.events.clone(), seen.posts.clone())
    }
}
