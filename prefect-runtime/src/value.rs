//! A task's result, without its type: a shared value and a table of what can be done with it.
use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::mem::needs_drop;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::panics::guard;
use crate::quiet::drop_quietly;

/// The result of a task, of any type.
///
/// Between tasks a result is never serialised: it is shared, and freed after its last reader. A value
/// that can be stored also knows how to write itself as JSON, so that a run can be shown and resumed.
///
/// ```
/// use prefect::Value;
///
/// let value = Value::new(vec![1, 2]);
/// assert_eq!(value.downcast_ref::<Vec<i32>>(), Some(&vec![1, 2]));
/// assert_eq!(value.to_json().unwrap().unwrap().to_string(), "[1,2]");
/// assert!(Value::in_memory(std::time::Instant::now()).to_json().is_none());
/// ```
#[derive(Clone)]
pub struct Value {
    /// `None` only while it is taken apart.
    data: Option<Arc<dyn Any + Send + Sync>>,
    table: &'static Table,
}

#[cfg(feature = "msgpack")]
type Packed = Result<Vec<u8>, rmp_serde::encode::Error>;

/// What can be done with a value of one type: made where the type is known.
struct Table {
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    /// Whether dropping it runs code that may panic.
    needs_drop: bool,
    encode: Option<fn(&(dyn Any + Send + Sync)) -> serde_json::Result<serde_json::Value>>,
    #[cfg(feature = "msgpack")]
    msgpack: Option<fn(&(dyn Any + Send + Sync)) -> Packed>,
}

struct Stored<T>(T);
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Stored<T> {
    const TABLE: Table = Table {
        type_id: TypeId::of::<T>,
        type_name: type_name::<T>,
        needs_drop: needs_drop::<T>(),
        encode: Some(|data| {
            let value: &T = data.downcast_ref().expect("the table was made for this type");
            serde_json::to_value(value)
        }),
        #[cfg(feature = "msgpack")]
        msgpack: Some(|data| {
            let value: &T = data.downcast_ref().expect("the table was made for this type");
            rmp_serde::to_vec_named(value)
        }),
    };
}

struct InMemory<T>(T);
impl<T: Send + Sync + 'static> InMemory<T> {
    const TABLE: Table = Table {
        type_id: TypeId::of::<T>,
        type_name: type_name::<T>,
        needs_drop: needs_drop::<T>(),
        encode: None,
        #[cfg(feature = "msgpack")]
        msgpack: None,
    };
}

impl Value {
    /// A value that can be stored.
    #[inline]
    pub fn new<T: Serialize + DeserializeOwned + Send + Sync + 'static>(value: T) -> Self {
        Self { data: Some(Arc::new(value)), table: &Stored::<T>::TABLE }
    }

    /// A value that lives as long as the run, and is computed again when the run is resumed.
    #[inline]
    pub fn in_memory<T: Send + Sync + 'static>(value: T) -> Self {
        Self { data: Some(Arc::new(value)), table: &InMemory::<T>::TABLE }
    }

    /// Whether the value is of type `T`.
    #[must_use]
    pub fn is<T: 'static>(&self) -> bool {
        self.type_id_of_value() == TypeId::of::<T>()
    }

    pub(crate) fn type_id_of_value(&self) -> TypeId {
        (self.table.type_id)()
    }

    /// The name of the value's type, as the compiler spells it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.table.type_name)()
    }

    /// The value, if it is of type `T`.
    #[must_use]
    pub fn downcast_ref<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.data.as_ref()?.downcast_ref()
    }

    /// The shared value, if it is of type `T`.
    ///
    /// # Errors
    /// The value itself, if it is of another type.
    pub fn downcast<T: Send + Sync + 'static>(mut self) -> Result<Arc<T>, Self> {
        match self.data.take().map(Arc::downcast) {
            Some(Ok(value)) => Ok(value),
            Some(Err(data)) => {
                self.data = Some(data);
                Err(self)
            }
            None => Err(self),
        }
    }

    /// The value as JSON, or `None` if it lives in memory only.
    ///
    /// # Errors
    /// What the type's own `Serialize` reports.
    #[must_use]
    pub fn to_json(&self) -> Option<serde_json::Result<serde_json::Value>> {
        let (encode, data) = (self.table.encode?, self.data.as_ref()?);
        Some(encode(&**data))
    }
}

#[cfg(feature = "msgpack")]
impl Value {
    /// The value as `MessagePack`, or `None` if it lives in memory only.
    pub(crate) fn to_msgpack(&self) -> Option<Packed> {
        let (encode, data) = (self.table.msgpack?, self.data.as_ref()?);
        Some(encode(&**data))
    }
}

/// The last one drops what it holds, which is user code.
impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        if self.table.needs_drop {
            drop_quietly(self.data.take());
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its `Serialize` is user code, and who looks at a state does not expect that.
        match guard(|| self.to_json()) {
            Ok(Some(Ok(json))) => write!(f, "{json}"),
            _ => write!(f, "<{}>", self.type_name()),
        }
    }
}
