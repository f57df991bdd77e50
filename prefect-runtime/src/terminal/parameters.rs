//! Values for parameters from the command line, and what `--help` says about them.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::text::plain;
use crate::ParameterInfo;
use crate::flow::{Given, GivenParameters, ParameterError};

/// The values that the words of a command line give.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Each `--param`, as it was written.
    pub(super) values: Vec<String>,
    /// Each `--params-file`.
    pub(super) files: Vec<PathBuf>,
}

/// What came of them.
#[derive(Default)]
pub(super) struct Values {
    pub(super) given: BTreeMap<String, Given>,
    pub(super) errors: Vec<String>,
    /// Whether some are lost, so that nobody can say what is missing.
    incomplete: bool,
}

impl Words {
    /// Reads the files. A value of the command line goes before one of a file, a later file before an earlier one.
    pub(super) fn read(&self) -> Values {
        let mut values = Values::default();
        for file in &self.files {
            let read = std::fs::read(file).map_err(|error| error.to_string()).and_then(|bytes| {
                let json: Json = serde_json::from_slice(&bytes).map_err(|error| format!("no JSON: {error}"))?;
                serde_json::from_value::<Map<_, _>>(json).map_err(|_| "expected a JSON object of parameters".to_owned())
            });
            match read {
                Ok(map) => values.given.extend(map.into_iter().map(|(name, value)| (name, Given::Json(value)))),
                Err(why) => values.lost(format!("parameters file `{}`: {why}", file.display())),
            }
        }
        let mut written = BTreeSet::new();
        for word in &self.values {
            match word.split_once('=') {
                Some((name, _)) if !written.insert(name) => {
                    values.errors.push(format!("parameter `{name}` is given twice"));
                }
                Some((name, value)) if !name.is_empty() => {
                    values.given.insert(name.to_owned(), Given::Text(value.to_owned()));
                }
                _ => values.lost(format!("expected `--param NAME=VALUE`, found `--param {word}`")),
            }
        }
        values
    }
}

impl Values {
    fn lost(&mut self, error: String) {
        self.incomplete = true;
        self.errors.push(error);
    }

    /// Adds what the flow itself says of the values.
    pub(super) fn add_mistakes(&mut self, mistakes: Vec<ParameterError>) {
        let told = mistakes.into_iter().filter(|mistake| {
            let missing = matches!(mistake, ParameterError::Missing { .. });
            !(self.incomplete && missing)
        });
        let texts: Vec<_> = told
            .map(|mistake| match &mistake {
                ParameterError::Missing { name, .. } => format!("{mistake}: give it by `--param {name}=..`"),
                _ => mistake.to_string(),
            })
            .collect();
        self.errors.extend(texts);
    }

    pub(super) fn add_to(&self, given: &mut GivenParameters) {
        self.given.iter().for_each(|(name, value)| given.insert(name.clone(), value.clone()));
    }
}

/// So many mistakes are told one by one.
const MISTAKES: usize = 30;

/// The mistakes, a line for each.
pub(super) fn refusal(errors: &[String], see: &str) -> String {
    let mut text = String::new();
    for error in errors.iter().take(MISTAKES) {
        let _ = writeln!(text, "error: {}", plain(error));
    }
    if let Some(more) = errors.len().checked_sub(MISTAKES).filter(|more| *more > 0) {
        let _ = writeln!(text, "error: and {more} more");
    }
    let _ = writeln!(text, "\nsee `{see} --help`");
    text
}

/// The parameters of a flow: a line for each, its documentation below it.
pub(super) fn help(parameters: &[ParameterInfo]) -> String {
    let names: Vec<_> = parameters.iter().map(|p| plain(&format!("{}: {}", p.name, p.type_name))).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, parameter) in names.iter().zip(parameters) {
        let default = match (&parameter.default, parameter.required) {
            (Some(default), _) => format!("default: {}", plain(&default.to_string())),
            (None, true) => "required".to_owned(),
            (None, false) => "has a default".to_owned(),
        };
        let _ = writeln!(text, "  {name:width$}  {default}");
        for line in parameter.doc.lines() {
            let _ = writeln!(text, "      {}", plain(line));
        }
    }
    text
}
