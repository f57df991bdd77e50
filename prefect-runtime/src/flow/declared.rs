//! The parameters that a flow declares, and how a value from the outside becomes one of them.
use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Error as _, Visitor, value::Error as Absence};
use serde_json::{Number, Value as Json};

use super::BodyKind;
use super::given::Resolved;
use super::graph::{Code, DynamicCode, TaskId};
use super::inputs::BodyOutcome;
use super::type_schema::TypeSchema;
use crate::panics::{Caught, guard};
use crate::{Data, Signal, Value};

/// What a flow asks for: a type, and perhaps a default.
#[derive(Clone)]
pub(crate) struct Declared {
    #[allow(clippy::type_complexity, reason = "used once")]
    read: Arc<dyn Fn(&Json) -> serde_json::Result<Value> + Send + Sync>,
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    pub(crate) default: Option<Value>,
    doc: Cow<'static, str>,
    #[cfg_attr(not(feature = "schema"), allow(dead_code, reason = "nobody asks"))]
    pub(super) schema: TypeSchema,
}

impl Declared {
    /// Its values can be stored, as results of tasks can.
    pub(crate) fn of<T: Data>() -> Self {
        Self::kept_by::<T>(Value::new)
    }

    /// Its values are kept in this way.
    pub(crate) fn kept_by<T: DeserializeOwned + Send + Sync + 'static>(keep: fn(T) -> Value) -> Self {
        let read = Arc::new(move |json: &Json| T::deserialize(json).map(keep));
        // What may be left out of a struct may be left out of a run. Reading is user code.
        let default = guard(|| T::deserialize(Absent).ok().map(keep)).unwrap_or(None);
        let (doc, schema) = (Cow::Borrowed(""), TypeSchema::guessed::<T>());
        Self { read, type_id: TypeId::of::<T>, type_name: type_name::<T>, default, doc, schema }
    }

    /// A default in place of the type's own.
    pub(crate) fn with_default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self
    }

    /// The lines of a doc comment begin with the space after its `///`.
    pub(crate) fn with_doc(mut self, doc: &'static str) -> Self {
        let lines: Vec<_> = doc.trim().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        self.doc = lines.join("\n").into();
        self
    }

    /// What is known of the schema of its type, in place of a guess.
    pub(crate) fn with_schema(mut self, schema: TypeSchema) -> Self {
        self.schema = schema;
        self
    }

    #[cfg(feature = "schema")]
    pub(super) fn is_a<T: 'static>(&self) -> bool {
        (self.type_id)() == TypeId::of::<T>()
    }

    /// The type as people write it: without the modules that it lies in.
    pub(crate) fn type_name(&self) -> String {
        if (self.type_id)() == TypeId::of::<Json>() { "JSON".to_owned() } else { without_modules((self.type_name)()) }
    }

    /// JSON has one kind of number: `2.0` will do for an integer, as it does for a JSON schema.
    pub(super) fn read_json(&self, json: &Json) -> Result<Value, String> {
        self.read_as_written(json).or_else(|why| {
            let whole = with_whole_numbers(json);
            if whole == *json { Err(why) } else { self.read_as_written(&whole).map_err(|_| why) }
        })
    }

    fn read_as_written(&self, json: &Json) -> Result<Value, String> {
        match guard(|| (self.read)(json).map_err(|error| error.to_string())) {
            Ok(read) => read,
            Err(caught) => Err(Caught::into_error(caught).to_string()),
        }
    }

    /// JSON if it is that and fits, else a text without quotes.
    pub(super) fn read_text(&self, text: &str) -> Result<Value, String> {
        let as_text = || self.read_json(&Json::String(text.to_owned()));
        match serde_json::from_str::<Json>(text) {
            Ok(json) => self.read_json(&json).or_else(|why| as_text().map_err(|_| why)),
            Err(_) => as_text(),
        }
    }

    pub(super) fn check_type(&self, value: Value) -> Result<Value, String> {
        if value.type_id_of_value() == (self.type_id)() {
            return Ok(value);
        }
        Err(format!("a `{}` was given", without_modules(value.type_name())))
    }
}

/// The same JSON, with its numbers as integers where they are.
fn with_whole_numbers(json: &Json) -> Json {
    match json {
        Json::Number(number) => whole(number).map_or_else(|| json.clone(), Json::Number),
        Json::Array(items) => items.iter().map(with_whole_numbers).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), with_whole_numbers(value))).collect(),
        Json::Null | Json::Bool(_) | Json::String(_) => json.clone(),
    }
}

fn whole(number: &Number) -> Option<Number> {
    let value = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0)?;
    // All its digits, which are exact.
    let digits = format!("{value:.0}");
    digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}

/// Nothing at all, of which only an `Option` can be made.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = Absence;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Absence> {
        Err(Absence::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Absence> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// `alloc::vec::Vec<alloc::string::String>` is `Vec<String>`.
pub(crate) fn without_modules(path: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut characters = path.chars().peekable();
    while let Some(c) = characters.next() {
        if c == ':' && characters.peek() == Some(&':') {
            characters.next();
            word.clear();
        } else if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            out.push_str(&std::mem::take(&mut word));
            out.push(c);
        }
    }
    out + &word
}

/// A parameter of a flow, with the task that gives its value.
#[derive(Clone)]
pub(crate) struct FlowParameter {
    pub(crate) task: TaskId,
    pub(crate) name: Arc<str>,
    pub(crate) declared: Declared,
}

impl FlowParameter {
    pub(crate) fn info(&self) -> ParameterInfo {
        let default = self.declared.default.as_ref();
        ParameterInfo {
            name: self.name.to_string(),
            type_name: self.declared.type_name(),
            required: default.is_none(),
            // Writing it down is user code.
            default: default.and_then(|value| guard(|| value.to_json()).ok()??.ok()),
            doc: self.declared.doc.to_string(),
        }
    }
}

/// The code of the task that gives the value of the parameter at this place.
pub(super) fn code(place: usize) -> Code {
    let run = move |value: Result<Value, String>| value.map_err(|why| Signal::fail(why).into());
    Code::Dynamic(Arc::new(DynamicCode {
        run: Box::new(move |inputs| BodyOutcome::Done(run(inputs.shared::<Resolved>().get(place)))),
        parameters: Vec::new(),
        kind: BodyKind::Sync,
        output: None,
    }))
}

/// A parameter of a flow, as [`Flow::parameters`](crate::Flow::parameters) tells it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ParameterInfo {
    /// The name, by which it is given.
    pub name: String,
    /// Its type, as people write it; `JSON` if it takes any.
    pub type_name: String,
    /// Whether a run has to be given it: it has no default, and is no `Option`.
    pub required: bool,
    /// Its default as JSON; `None` also if the default cannot be written as that.
    pub default: Option<Json>,
    /// Its doc comment, or nothing.
    pub doc: String,
}

impl fmt::Debug for FlowParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.declared.type_name())
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn types_are_shown_as_people_write_them() {
        assert_eq!(Declared::of::<Option<Vec<String>>>().type_name(), "Option<Vec<String>>");
        assert_eq!(Declared::of::<HashMap<String, (u8, [i64; 2])>>().type_name(), "HashMap<String, (u8, [i64; 2])>");
        assert_eq!(Declared::of::<Json>().type_name(), "JSON");
    }

    #[test]
    fn only_an_option_has_a_default_of_its_own() {
        assert!(Declared::of::<Option<Option<u8>>>().default.is_some());
        assert!(Declared::of::<Json>().default.is_none());
        assert!(Declared::of::<()>().default.is_none());
        assert!(Declared::of::<Vec<u8>>().default.is_none());
    }
}
