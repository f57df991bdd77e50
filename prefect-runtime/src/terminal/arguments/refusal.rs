//! What is said about words that make no sense: what `clap` says, made safe to print, and what was probably meant.
use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use super::super::text::plain;
use super::{Choice, CommandLine};
use crate::near::nearest;

impl CommandLine<'_> {
    /// Help and version are errors to `clap`, too.
    pub(super) fn answer(&self, mut error: Error, command: &Command, words: &[OsString]) -> Choice {
        if !error.use_stderr() {
            return Choice::Say(error.render().to_string());
        }
        if let Some(tip) = self.tip(&error, command, words) {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        let safe: Vec<_> = error.context().filter_map(|(kind, value)| Some((kind, safe(value)?))).collect();
        for (kind, value) in safe {
            error.insert(kind, value);
        }
        Choice::Refuse(error.render().to_string())
    }

    /// What was probably meant.
    fn tip(&self, error: &Error, command: &Command, words: &[OsString]) -> Option<String> {
        let wrong = error.get(match error.kind() {
            ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
            ErrorKind::InvalidValue => ContextKind::InvalidValue,
            ErrorKind::UnknownArgument => ContextKind::InvalidArg,
            _ => return None,
        });
        let Some(ContextValue::String(wrong)) = wrong else { return None };
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        if words.first()?.starts_with("--param") {
            return Some(format!("values go behind `{} run`", self.program.name));
        }
        let at = words.iter().fold(command, |at, word| at.find_subcommand(&**word).unwrap_or(at));
        let (is_root, is_run) = (at.get_name() == command.get_name(), at.get_name() == "run");
        let flows = if is_root || is_run { self.program.flows.unwrap_or_default() } else { &[] };
        // With several words a name was meant that has to be quoted.
        let all = words[usize::from(is_run)..].join(" ");
        if let Some(flow) = flows.iter().find(|flow| **flow == all || is_root && *flow == wrong) {
            return Some(format!("to run the flow, write `{}`", self.written("run", flow)));
        }
        let known: Vec<String> = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) => values.clone(),
            _ if wrong.starts_with('-') => {
                at.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect()
            }
            _ => (at.get_subcommands().filter(|sub| !sub.is_hide_set())).map(|sub| sub.get_name().to_owned()).collect(),
        };
        let meant = nearest(wrong, known.iter().map(String::as_str)).map(ToOwned::to_owned);
        let flow = || nearest(wrong, flows.iter().copied()).map(|flow| self.written("run", flow));
        meant.or_else(flow).map(|meant| format!("did you mean `{meant}`?"))
    }
}

/// The same without what a terminal would obey, if it is a text.
fn safe(value: &ContextValue) -> Option<ContextValue> {
    Some(match value {
        ContextValue::String(text) => ContextValue::String(plain(text)),
        ContextValue::Strings(texts) => ContextValue::Strings(texts.iter().map(|text| plain(text)).collect()),
        ContextValue::StyledStrs(texts) => {
            ContextValue::StyledStrs(texts.iter().map(|text| plain(&text.to_string()).into()).collect())
        }
        _ => return None,
    })
}
