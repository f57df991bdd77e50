//! Values as bytes, and back.
use std::fmt;

use serde::de::DeserializeOwned;

use crate::{TaskError, Value};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Serializer {
    /// As JSON, which people can read. Numbers that are no JSON (`NaN`, whole numbers of more than 64 bits) cannot be kept.
    #[default]
    Json,
    /// As `MessagePack`: shorter, and all that Rust knows as a number. With the feature `msgpack`.
    #[cfg(feature = "msgpack")]
    MessagePack,
}

impl Serializer {
    /// The ending of names.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "msgpack",
        }
    }

    /// Whether this says `()` or `None`.
    pub(super) fn is_nothing(self, bytes: &[u8]) -> bool {
        match self {
            Self::Json => bytes == b"null",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => bytes == [0xc0],
        }
    }
}

impl fmt::Display for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "MessagePack",
        })
    }
}

pub(crate) fn encode(serializer: Serializer, value: &Value) -> Result<Vec<u8>, TaskError> {
    let in_memory = || TaskError::from("it lives in memory only");
    match serializer {
        Serializer::Json => Ok(serde_json::to_vec(&value.to_json().ok_or_else(in_memory)??)?),
        #[cfg(feature = "msgpack")]
        Serializer::MessagePack => Ok(value.to_msgpack().ok_or_else(in_memory)??),
    }
}

pub(crate) fn decode<T: DeserializeOwned>(serializer: Serializer, bytes: &[u8]) -> Result<T, TaskError> {
    match serializer {
        Serializer::Json => Ok(serde_json::from_slice(bytes)?),
        #[cfg(feature = "msgpack")]
        Serializer::MessagePack => {
            let mut bytes = bytes;
            let value = T::deserialize(&mut rmp_serde::Deserializer::new(&mut bytes))?;
            // Unlike JSON's, its reader stops where a value ends.
            if bytes.is_empty() { Ok(value) } else { Err("something follows the value".into()) }
        }
    }
}
