//! Texts of user code, as long as every engine takes them: no run is refused because of what is said in it.
//!
//! All that is recorded goes through here on its way in. A NUL, which only PostgreSQL cannot keep, is replaced where its
//! parameters are made (`postgres/value`).
use std::borrow::Cow;

use serde_json::Value;

use crate::Notification;
use crate::backend::Change;

/// A message of a state, or a text in its details: so many bytes. A batch has a thousand of them at most, which an engine takes in
/// one statement; the whole error is in the log of who has it.
const MESSAGE: usize = 64 << 10;

/// What is the key of a row, or in an index: so many bytes. PostgreSQL takes some 2,700 there.
const NAME: usize = 1000;

/// What stands at the end of a text that was cut.
const ELLIPSIS: &str = "\u{2026}";

/// The beginning of a text: at most so many bytes, and whole characters.
fn cut(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| [&text[..text.floor_char_boundary(most - ELLIPSIS.len())], ELLIPSIS].concat())
}

/// The name of a flow or a run as it is recorded, and looked for. What machines read of a run (its parameters, its graph) is
/// recorded whole, or not at all.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    cut(text, NAME).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The messages, details and causes of a change are cut.
pub(crate) fn cut_change(change: &mut Change) {
    let (message, notifications) = match change {
        Change::Task(change) => {
            if let Some(short) = change.detail.as_deref().and_then(detail) {
                change.detail = Some(short);
            }
            (&mut change.message, &mut change.notifications)
        }
        Change::Flow(change) => (&mut change.message, &mut change.notifications),
    };
    if let Some(short) = message.as_deref().and_then(|text| cut(text, MESSAGE)) {
        *message = Some(short.into());
    }
    for Notification { cause, .. } in notifications {
        if let Some(short) = cause.as_deref().and_then(|text| cut(text, NAME)) {
            *cause = Some(short.into());
        }
    }
}

/// Details with shorter texts. They stay JSON.
fn detail(text: &str) -> Option<Box<str>> {
    if text.len() <= MESSAGE {
        return None;
    }
    let mut detail: Value = serde_json::from_str(text).ok()?;
    for value in detail.as_object_mut()?.values_mut() {
        if let Some(short) = value.as_str().and_then(|text| cut(text, MESSAGE)) {
            *value = short.into();
        }
    }
    Some(detail.to_string().into())
}
