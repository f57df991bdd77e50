//! The values that a run is given for the parameters of its flow, and what is wrong with them.
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::declared::FlowParameter;
use crate::Value;
use crate::near::nearest;

/// A value as it came.
#[derive(Clone)]
pub(crate) enum Given {
    Json(Json),
    /// From a command line: JSON, or a text without quotes.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "texts come from the command line"))]
    Text(String),
    /// From Rust.
    Value(Value),
}

/// The values that were given, by name.
#[derive(Clone, Default)]
pub(crate) struct GivenParameters(BTreeMap<String, Given>);

impl GivenParameters {
    pub(crate) fn insert(&mut self, name: String, value: Given) {
        self.0.insert(name, value);
    }

    /// The value of each parameter, and all mistakes. What the clock of a schedule gives goes before what the run was given.
    pub(crate) fn resolve(
        &self,
        parameters: &[FlowParameter],
        clock: Option<&BTreeMap<String, Json>>,
    ) -> (Resolved, Vec<ParameterError>) {
        let mut errors = Vec::new();
        let values = parameters.iter().map(|parameter| {
            let declared = &parameter.declared;
            let read = match (clock.and_then(|clock| clock.get(&*parameter.name)), self.0.get(&*parameter.name)) {
                (Some(json), _) | (None, Some(Given::Json(json))) => declared.read_json(json),
                (None, Some(Given::Text(text))) => declared.read_text(text),
                (None, Some(Given::Value(value))) => declared.check_type(value.clone()),
                (None, None) => {
                    return declared.default.clone().ok_or_else(|| {
                        errors.push(ParameterError::Missing {
                            name: parameter.name.to_string(),
                            type_name: declared.type_name(),
                        });
                        // Prefect's words.
                        format!("Parameter \"{}\" was required but not provided.", parameter.name)
                    });
                }
            };
            read.map_err(|why| {
                let (name, type_name, why) =
                    (parameter.name.to_string(), declared.type_name(), without_long_quotes(&why));
                let error = ParameterError::Unfit { name, type_name, why };
                let text = error.to_string();
                errors.push(error);
                text
            })
        });
        let values = values.collect();
        let names = || parameters.iter().map(|parameter| &*parameter.name);
        let given = self.0.keys().chain(clock.into_iter().flat_map(BTreeMap::keys));
        for name in given.filter(|name| names().all(|known| known != name.as_str())) {
            let meant = nearest(name, names()).map(str::to_owned);
            let error = ParameterError::Unknown { name: shortened(name), meant };
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        (Resolved(values), errors)
    }

    /// All that will be wrong in the runs that these clocks start.
    pub(crate) fn mistakes<'a>(
        &self,
        parameters: &[FlowParameter],
        clocks: impl Iterator<Item = &'a BTreeMap<String, Json>>,
    ) -> Option<ParameterErrors> {
        let mut errors = Vec::new();
        for error in clocks.flat_map(|clock| self.resolve(parameters, Some(clock)).1) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        ParameterErrors::of(errors)
    }
}

/// Without the values: one may be a secret.
impl fmt::Debug for GivenParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The value of each parameter of a flow, in a run; or why it has none.
pub(crate) struct Resolved(Vec<Result<Value, String>>);

impl Resolved {
    pub(crate) fn get(&self, place: usize) -> Result<Value, String> {
        self.0[place].clone()
    }
}

/// What is wrong with the values that a run was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// A required parameter was not given.
    Missing {
        /// The parameter.
        name: String,
        /// What it takes.
        type_name: String,
    },
    /// The value does not fit.
    Unfit {
        /// The parameter.
        name: String,
        /// What it takes.
        type_name: String,
        /// Why the value is not that.
        why: String,
    },
    /// The flow has no such parameter.
    Unknown {
        /// The name that was given.
        name: String,
        /// The parameter that was probably meant.
        meant: Option<String>,
    },
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, type_name } => write!(f, "parameter `{name}: {type_name}` is missing"),
            Self::Unfit { name, type_name, why } => write!(f, "parameter `{name}` takes a `{type_name}`: {why}"),
            Self::Unknown { name, meant } => {
                write!(f, "there is no parameter `{name}`")?;
                meant.as_ref().map_or(Ok(()), |meant| write!(f, ": did you mean `{meant}`?"))
            }
        }
    }
}

impl std::error::Error for ParameterError {}

/// All that is wrong with the values that a run was given: the error of a run that did not start for it.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, ParameterErrors, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
/// let (definition, body) = built_in::parameter::<u32>("rows");
/// flow.task(definition, body);
/// let run = flow.build().with_parameter("row", 3).run();
/// let errors: &ParameterErrors = run.state().error().unwrap().downcast_ref().unwrap();
/// let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
/// assert_eq!(texts, ["parameter `rows: u32` is missing", "there is no parameter `row`: did you mean `rows`?"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterErrors(Vec<ParameterError>);

impl ParameterErrors {
    /// `None` if there are none.
    pub(crate) fn of(errors: Vec<ParameterError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// The mistakes: first those of the flow's parameters in their order, then the names that it does not know.
    pub fn iter(&self) -> impl Iterator<Item = &ParameterError> + '_ {
        self.0.iter()
    }
}

/// Prefect's words for what is missing and what is too much.
impl fmt::Display for ParameterErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut missing, mut unknown, mut unfit) = (Vec::new(), Vec::new(), Vec::new());
        for error in &self.0 {
            match error {
                ParameterError::Missing { name, .. } => missing.push(name.clone()),
                ParameterError::Unfit { .. } => unfit.push(error.to_string()),
                ParameterError::Unknown { name, meant: None } => unknown.push(name.clone()),
                ParameterError::Unknown { name, meant: Some(meant) } => {
                    unknown.push(format!("{name} (did you mean `{meant}`?)"));
                }
            }
        }
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("Flow.run did not receive the following required parameters: {}", listed(&missing)));
        }
        if !unknown.is_empty() {
            parts.push(format!("Flow.run received the following unexpected parameters: {}", listed(&unknown)));
        }
        parts.extend(unfit);
        f.write_str(&parts.join("; "))
    }
}

impl std::error::Error for ParameterErrors {}

/// So many names are enough to see what is wrong.
const NAMES: usize = 20;

fn listed(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES)].join(", ");
    if names.len() > NAMES {
        let _ = write!(text, " and {} more", names.len() - NAMES);
    }
    text
}

/// An error may quote the whole value. A part of one could be a part of a secret, which nobody would know for one.
fn without_long_quotes(why: &str) -> String {
    let quoted = |quote| Some((why.find(quote)?, why.rfind(quote)?)).filter(|(start, end)| end - start > MOST);
    match quoted('"').or_else(|| quoted('`')) {
        Some((start, end)) => shortened(&format!("{}..{}", &why[..=start], &why[end..])),
        None => shortened(why),
    }
}

/// A text of an error has so many characters.
const MOST: usize = 200;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}
