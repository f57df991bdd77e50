//! What is known of the JSON schema of a type. Without the feature `schema` nothing is, so that neither a bound nor what the
//! macros expand to depends on it.
#[cfg(feature = "schema")]
use schemars::JsonSchema;

#[cfg(feature = "schema")]
use super::schema::{self, MakeSchema};

/// The JSON schema of a type, if it is known.
#[derive(Clone, Copy, Debug)]
pub struct TypeSchema(#[cfg(feature = "schema")] Option<MakeSchema>);

impl TypeSchema {
    /// Of a type that is not known to have one.
    #[cfg_attr(not(feature = "schema"), allow(clippy::extra_unused_type_parameters, reason = "nothing is asked of it"))]
    pub(crate) fn guessed<T: 'static>() -> Self {
        Self(
            #[cfg(feature = "schema")]
            schema::of_usual::<T>(),
        )
    }

    /// Of a type that is known to have none.
    fn unknown() -> Self {
        Self(
            #[cfg(feature = "schema")]
            None,
        )
    }
}

#[cfg(feature = "schema")]
impl TypeSchema {
    pub(crate) fn of<T: JsonSchema>() -> Self {
        Self(Some(schema::of::<T>()))
    }

    pub(crate) fn make(self) -> Option<MakeSchema> {
        self.0
    }
}

/// For the macros: asks whether a type has a schema. `find` is the method of the type itself if it has one, else that of
/// [`NoSchema`], which the compiler takes second.
#[derive(Debug)]
pub struct SchemaProbe<T>(std::marker::PhantomData<fn() -> T>);

impl<T> SchemaProbe<T> {
    /// Asks about this type.
    #[must_use]
    pub fn of() -> Self {
        Self(std::marker::PhantomData)
    }
}

#[cfg(feature = "schema")]
impl<T: JsonSchema> SchemaProbe<T> {
    /// The schema of the type.
    #[must_use]
    pub fn find(self) -> TypeSchema {
        TypeSchema::of::<T>()
    }
}

/// For the macros: what a [`SchemaProbe`] says of all other types.
pub trait NoSchema: Sized {
    /// No schema.
    fn find(self) -> TypeSchema {
        TypeSchema::unknown()
    }
}

impl<T> NoSchema for SchemaProbe<T> {}
