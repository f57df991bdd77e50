//! The parameters of a flow as a JSON schema, for forms.
use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Number, Value as Json};

use super::builder::{FlowBuilder, TaskRef};
use super::declared::FlowParameter;
use super::type_schema::TypeSchema;
use crate::panics::guard;

/// What makes the schema of a type.
pub(crate) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

pub(crate) fn of<T: JsonSchema>() -> MakeSchema {
    |generator| generator.subschema_for::<T>()
}

/// The schema of a type of which no more is known than that it is there: one of the usual ones, or an `Option`, a `Vec` or a
/// map of them.
pub(crate) fn of_usual<T: 'static>() -> Option<MakeSchema> {
    macro_rules! first {
        ($($usual:ty),*) => {
            [$(
                (TypeId::of::<$usual>(), of::<$usual>()),
                (TypeId::of::<Option<$usual>>(), of::<Option<$usual>>()),
                (TypeId::of::<Vec<$usual>>(), of::<Vec<$usual>>()),
                (TypeId::of::<Option<Vec<$usual>>>(), of::<Option<Vec<$usual>>>()),
                (TypeId::of::<HashMap<String, $usual>>(), of::<HashMap<String, $usual>>()),
                (TypeId::of::<BTreeMap<String, $usual>>(), of::<BTreeMap<String, $usual>>()),
            )*]
        };
    }
    let usual: &[(TypeId, MakeSchema)] =
        &first!(bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64, char, String, PathBuf, Json);
    usual.iter().find(|(id, _)| *id == TypeId::of::<T>()).map(|(_, make)| *make)
}

impl FlowBuilder {
    /// Says what the JSON schema of a parameter's type is, where the type is none of the usual ones: see
    /// [`Flow::parameters_schema`](super::Flow::parameters_schema). Only with the feature `schema`.
    ///
    /// ```
    /// use prefect::{FlowBuilder, FlowOptions, built_in};
    ///
    /// let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
    /// let (definition, body) = built_in::parameter::<(u8, bool)>("pair");
    /// let pair = flow.task(definition, body);
    /// flow.parameter_schema::<(u8, bool)>(pair);
    /// assert_eq!(flow.build().parameters_schema()["properties"]["pair"]["maxItems"], 2);
    /// ```
    ///
    /// # Panics
    /// If the task is none of a parameter, or of one of another type; if it belongs to another flow.
    #[track_caller]
    pub fn parameter_schema<T: JsonSchema + 'static>(&mut self, parameter: TaskRef) {
        let task = self.own(parameter);
        let name = self.name_of(task).to_owned();
        let Ok(place) = self.parameters.binary_search_by_key(&task, |parameter| parameter.task) else {
            panic!("task `{name}` is no parameter: only parameters have a schema");
        };
        let declared = &mut self.parameters[place].declared;
        let type_name = declared.type_name();
        assert!(declared.is_a::<T>(), "parameter `{name}` is a `{type_name}`: give it the schema of that type");
        declared.schema = TypeSchema::of::<T>();
    }
}

/// The schema of the object that gives all of these parameters their values.
pub(super) fn of_parameters(flow: &str, parameters: &[FlowParameter]) -> Json {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in parameters {
        let info = parameter.info();
        if info.required {
            required.push(Json::from(&*info.name));
        }
        properties.insert(info.name.clone(), of_parameter(&mut generator, parameter));
    }
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    whole.insert("title".to_owned(), flow.into());
    whole.insert("type".to_owned(), "object".into());
    whole.insert("properties".to_owned(), properties.into());
    whole.insert("required".to_owned(), required.into());
    whole.insert("additionalProperties".to_owned(), false.into());
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        whole.insert("$defs".to_owned(), definitions.into());
    }
    let mut whole = Schema::from(whole);
    RecursiveTransform(add_limits).transform(&mut whole);
    whole.to_value()
}

fn of_parameter(generator: &mut SchemaGenerator, parameter: &FlowParameter) -> Json {
    let info = parameter.info();
    let before = generator.clone();
    // A schema may be written by hand: user code. One that panics says as much as none.
    let made = parameter.declared.schema.make().and_then(|make| guard(|| make(generator)).ok());
    let mut schema = made.unwrap_or_else(|| {
        *generator = before;
        let mut any = Schema::default();
        any.insert("title".to_owned(), info.type_name.into());
        any
    });
    schema.ensure_object();
    if !info.doc.is_empty() {
        schema.insert("description".to_owned(), info.doc.into());
    }
    if let Some(default) = info.default {
        schema.insert("default".to_owned(), default);
    }
    schema.to_value()
}

/// The limits of the integers of which `schemars` only names the format: a form is to refuse what the parameter does.
fn add_limits(schema: &mut Schema) {
    let is_integer = match schema.get("type") {
        Some(Json::String(one)) => one == "integer",
        Some(Json::Array(several)) => several.iter().any(|one| one == "integer"),
        _ => false,
    };
    let Some((least, most)) = schema.get("format").and_then(Json::as_str).filter(|_| is_integer).and_then(limits)
    else {
        return;
    };
    for (word, exclusive, limit) in [("minimum", "exclusiveMinimum", least), ("maximum", "exclusiveMaximum", most)] {
        if schema.get(word).is_none() && schema.get(exclusive).is_none() {
            schema.insert(word.to_owned(), limit.into());
        }
    }
}

/// The least and the largest number of a format. Of JSON no integer is read that has more than 64 bits.
fn limits(format: &str) -> Option<(Number, Number)> {
    Some(match format {
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "int" => (isize::MIN.into(), isize::MAX.into()),
        "int128" => (i64::MIN.into(), u64::MAX.into()),
        "uint32" => (u32::MIN.into(), u32::MAX.into()),
        "uint" => (usize::MIN.into(), usize::MAX.into()),
        "uint64" | "uint128" => (u64::MIN.into(), u64::MAX.into()),
        _ => return None,
    })
}
