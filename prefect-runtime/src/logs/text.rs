//! An event of the crate `tracing` as text.
use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

/// The message of an event, and its other fields as ` name=value`.
#[derive(Debug, Default)]
pub(crate) struct Text {
    message: String,
    fields: String,
}

impl Text {
    /// The message, then the fields.
    pub(crate) fn whole(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
