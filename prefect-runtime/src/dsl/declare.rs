//! Parameters of a flow, where it is built: what they are, and the values that Rust code gives them.
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Data, Missing, Node, Set};
use crate::built_in;
use crate::flow::declared::Declared;
use crate::flow::{Flow, Given, GivenParameters, Slot, TypeSchema, scope};
use crate::{TaskBody, TaskDefinition, Value};

/// A parameter of the flow that is being built: the value that a run is given under this name.
///
/// Without one nothing is run, unless the type is an `Option`, or there is a default: in `flow!` by
/// `default = ..`, anywhere by [`parameter_or`]. A `doc = ".."` is shown by `--help`.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn times(x: i64, n: u32) -> i64 {
///     x * i64::from(n)
/// }
///
/// let flow = flow!("etl", {
///     let x = parameter::<i64>("x");
///     times(x, parameter::<u32>("n", default = 3, doc = "How often."))
/// });
/// assert_eq!(flow.with_parameter("x", 2).run().output().unwrap(), 6);
/// ```
///
/// # Panics
/// If no flow is being built, or it has a parameter of this name.
#[track_caller]
pub fn parameter<T: Data>(name: impl Into<Cow<'static, str>>) -> Node<T> {
    Node::new(scope::add_built_in(built_in::parameter::<T>(name), &mut []))
}

/// A [`parameter`](parameter()) with a default.
///
/// ```
/// use prefect::prelude::*;
///
/// let flow = flow!("etl", { parameter_or("n", 3_u32) });
/// let info = flow.parameters().next().unwrap();
/// assert_eq!((info.required, info.default), (false, Some(3.into())));
/// assert_eq!(flow.run().output().unwrap(), 3);
/// ```
///
/// # Panics
/// If no flow is being built, or it has a parameter of this name.
#[track_caller]
pub fn parameter_or<T: Data>(name: impl Into<Cow<'static, str>>, default: T) -> Node<T> {
    Node::new(scope::add_built_in(built_in::parameter_or(name, default), &mut []))
}

#[track_caller]
fn add<T>(name: impl Into<Cow<'static, str>>, declared: Declared) -> Node<T> {
    Node::new(scope::add_built_in((TaskDefinition::new(name), TaskBody::parameter(declared)), &mut []))
}

/// What `flow!` finds the keywords of the function of the same name through.
#[doc(hidden)]
#[allow(non_camel_case_types, reason = "it has the name of the function")]
#[derive(Debug)]
pub struct parameter<T> {
    // It cannot be made.
    _never: Infallible,
    _marker: PhantomData<fn() -> T>,
}

impl<T: Data> parameter<T> {
    #[doc(hidden)]
    #[must_use]
    pub fn __kw() -> ParameterArguments<T, Missing> {
        let (name, schema) = (Cow::Borrowed(""), None);
        ParameterArguments { name, default: None, doc: "", schema, marker: PhantomData }
    }
}

/// The arguments of `parameter`, of which `N` says whether the name is there.
#[doc(hidden)]
pub struct ParameterArguments<T, N> {
    name: Cow<'static, str>,
    default: Option<T>,
    doc: &'static str,
    schema: Option<TypeSchema>,
    marker: PhantomData<fn() -> N>,
}

impl<T: Data> ParameterArguments<T, Missing> {
    /// The name.
    #[must_use]
    pub fn __0(self, name: impl Into<Cow<'static, str>>) -> ParameterArguments<T, Set> {
        let Self { default, doc, schema, .. } = self;
        ParameterArguments { name: name.into(), default, doc, schema, marker: PhantomData }
    }

    /// The name.
    #[must_use]
    pub fn name(self, name: impl Into<Cow<'static, str>>) -> ParameterArguments<T, Set> {
        self.__0(name)
    }
}

impl<T: Data, N> ParameterArguments<T, N> {
    /// What it is without a value.
    #[must_use]
    pub fn default(self, default: impl IntoGiven<T>) -> Self {
        Self { default: Some(default.into_given()), ..self }
    }

    /// What it is for.
    #[must_use]
    pub fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }
}

#[cfg(feature = "schema")]
impl<T: Data, N> ParameterArguments<T, N> {
    /// What the JSON schema of its type is.
    #[must_use]
    pub fn schema(self, schema: SchemaOf<T>) -> Self {
        Self { schema: Some(schema.0), ..self }
    }
}

/// The JSON schema of a type: what [`schema_of`] gives.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct SchemaOf<T>(TypeSchema, PhantomData<fn() -> T>);

#[cfg(feature = "schema")]
impl<T> Clone for SchemaOf<T> {
    fn clone(&self) -> Self {
        *self
    }
}

#[cfg(feature = "schema")]
impl<T> Copy for SchemaOf<T> {}

/// The JSON schema of the type of a [`parameter`](parameter()): see [`Flow::parameters_schema`]. Only with the feature
/// `schema`.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::schema_of;
///
/// let flow = flow!("etl", { parameter::<(u8, bool)>("pair", schema = schema_of()) });
/// assert_eq!(flow.parameters_schema()["properties"]["pair"]["maxItems"], 2);
/// ```
#[cfg(feature = "schema")]
#[must_use]
pub fn schema_of<T: schemars::JsonSchema>() -> SchemaOf<T> {
    SchemaOf(TypeSchema::of::<T>(), PhantomData)
}

/// The name is there.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "missing argument `name` in call of `parameter`",
    label = "the name is missing: `parameter::<u32>(\"n\", default = 3)`"
)]
pub trait Named {}
impl Named for Set {}

impl<T: Data, N> ParameterArguments<T, N> {
    /// Adds it to the flow that is being built.
    #[track_caller]
    pub fn __call(self) -> Node<T>
    where
        N: Named,
    {
        let declared = Declared::of::<T>().with_doc(self.doc);
        let declared = match self.default {
            Some(default) => declared.with_default(Value::new(default)),
            None => declared,
        };
        let declared = match self.schema {
            Some(schema) => declared.with_schema(schema),
            None => declared,
        };
        add(self.name, declared)
    }
}

impl<T, N> fmt::Debug for ParameterArguments<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ParameterArguments").field(&self.name).finish()
    }
}

/// A parameter of a flow function.
#[diagnostic::on_unimplemented(
    message = "a flow parameter must be `Deserialize` and `Clone`, and `{Self}` is not",
    label = "cannot be read from the command line",
    note = "derive `serde::Deserialize` and `Clone`"
)]
pub trait FlowParameter: Sized {
    /// Adds it to the flow that is being built.
    #[track_caller]
    fn declare(
        name: &'static str,
        doc: &'static str,
        default: Option<Slot>,
        schema: TypeSchema,
        keep: fn(Self) -> Value,
    ) -> Node<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Clone + Send + Sync + 'static> FlowParameter for T {
    fn declare(
        name: &'static str,
        doc: &'static str,
        default: Option<Slot>,
        schema: TypeSchema,
        keep: fn(T) -> Value,
    ) -> Node<T> {
        let declared = Declared::kept_by(keep).with_doc(doc).with_schema(schema);
        let declared = match default {
            None => declared,
            Some(Slot::Value(value)) => declared.with_default(value),
            Some(_) => panic!("the default of parameter `{name}` is the result of a task: it has to be a plain value"),
        };
        add(name, declared)
    }
}

/// For the macros: a parameter of the flow, when it is no part of another one.
#[must_use]
#[track_caller]
pub fn declared<T: FlowParameter>(
    name: &'static str,
    doc: &'static str,
    default: Option<Slot>,
    schema: TypeSchema,
    keep: fn(T) -> Value,
) -> Node<T> {
    T::declare(name, doc, default, schema, keep)
}

/// For the macros: asks whether values of a type can be stored. `keep` is the method of the type itself if they can, else
/// that of [`KeptInMemory`], which the compiler takes second.
#[derive(Debug)]
pub struct KeepProbe<T>(PhantomData<fn() -> T>);

impl<T> KeepProbe<T> {
    /// Asks about this type.
    #[must_use]
    pub fn of() -> Self {
        Self(PhantomData)
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> KeepProbe<T> {
    /// They can: they are parts of names, and compared by caches.
    #[must_use]
    pub fn keep(self) -> fn(T) -> Value {
        Value::new
    }
}

/// For the macros: what a [`KeepProbe`] says of all other types.
pub trait KeptInMemory<T> {
    /// They live as long as the run.
    fn keep(self) -> fn(T) -> Value;
}

impl<T: Send + Sync + 'static> KeptInMemory<T> for KeepProbe<T> {
    fn keep(self) -> fn(T) -> Value {
        Value::in_memory
    }
}

/// A plain value for a parameter of type `P`.
#[diagnostic::on_unimplemented(message = "expected a plain value of type `{P}`, found `{Self}`", label = "not a `{P}`")]
pub trait IntoGiven<P> {
    /// The value.
    fn into_given(self) -> P;
}

#[diagnostic::do_not_recommend]
impl<T> IntoGiven<T> for T {
    fn into_given(self) -> T {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoGiven<Option<T>> for T {
    fn into_given(self) -> Option<T> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoGiven<String> for &str {
    fn into_given(self) -> String {
        self.to_owned()
    }
}

#[diagnostic::do_not_recommend]
impl IntoGiven<Option<String>> for &str {
    fn into_given(self) -> Option<String> {
        Some(self.to_owned())
    }
}

/// For the macros: values of parameters, with their types.
#[derive(Debug, Default)]
pub struct GivenValues(GivenParameters);

impl GivenValues {
    /// Gives a parameter its value.
    pub fn give<T>(&mut self, name: &str, value: T, keep: fn(T) -> Value) {
        self.0.insert(name.to_owned(), Given::Value(keep(value)));
    }

    /// The flow, with these values.
    #[must_use]
    pub fn to<O>(self, mut flow: Flow<O>) -> Flow<O> {
        flow.given = self.0;
        flow
    }
}
