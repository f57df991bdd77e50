//! How a list becomes the inputs of a mapped task's children.
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::Passed;
use crate::Value;

/// How a value is taken apart, one element for each child of a mapped task: for flows that are built at run time.
///
/// ```
/// use prefect::{Elements, FlowBuilder, FlowOptions, Parameter, StateKind, TaskBody, TaskDefinition, Value};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("squares"));
/// let list = flow.task(TaskDefinition::new("list"), TaskBody::new([], |_| Ok(Value::new(vec![1_i64, 2, 3]))));
/// let square = flow.task(
///     TaskDefinition::new("square"),
///     TaskBody::new([Parameter::of::<i64>("x")], |inputs| {
///         let x = inputs.take::<i64>(0);
///         Ok(Value::new(*x * *x))
///     }),
/// );
/// flow.map(list, square, "x", Elements::of::<i64>());
/// let run = flow.build().run();
/// assert_eq!(run.state_of(square).kind(), StateKind::Mapped);
/// let squares: Vec<_> = run.map_states(square).map(|state| *state.value::<i64>().unwrap()).collect();
/// assert_eq!(squares, [1, 4, 9]);
/// ```
#[derive(Clone, Copy)]
pub struct Elements {
    table: &'static Table,
    pub(crate) nesting: Nesting,
}

/// Whether the elements are those of the list, or those of the lists in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    Plain,
    /// Joined first: Prefect's `flatten`.
    Flattened,
}

/// Made where the type of the elements is known.
struct Table {
    type_name: fn() -> &'static str,
    len: fn(&Value) -> Option<usize>,
    get: fn(&Value, usize) -> Value,
    /// The lists in this list, joined; a list without lists in it is left as it is.
    join: fn(&Value) -> Option<Value>,
    /// These lists, joined; an element among them is a list of one.
    concat: fn(&[&Value]) -> Option<Value>,
}

struct Of<T>(T);
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Of<T> {
    const TABLE: Table = Table {
        type_name: std::any::type_name::<Vec<T>>,
        len: |list| list.downcast_ref::<Vec<T>>().map(Vec::len),
        get: |list, i| Value::new(list.downcast_ref::<Vec<T>>().expect("looked at before")[i].clone()),
        join: |lists| match lists.downcast_ref::<Vec<Vec<T>>>() {
            Some(lists) => Some(Value::new(lists.concat())),
            None => lists.is::<Vec<T>>().then(|| lists.clone()),
        },
        concat: |lists| {
            let mut all: Vec<T> = Vec::new();
            for list in lists {
                match (list.downcast_ref::<Vec<T>>(), list.downcast_ref::<T>()) {
                    (Some(list), _) => all.extend_from_slice(list),
                    (None, Some(element)) => all.push(element.clone()),
                    (None, None) => return None,
                }
            }
            Some(Value::new(all))
        },
    };
}

/// Elements of JSON lists; what is no list stands for itself where lists are joined.
const JSON: Table = Table {
    type_name: || "JSON array",
    len: |list| list.downcast_ref::<Json>()?.as_array().map(Vec::len),
    get: |list, i| Value::new(list.downcast_ref::<Json>().expect("looked at before")[i].clone()),
    join: |lists| Some(joined(lists.downcast_ref::<Json>()?.as_array()?.iter())),
    concat: |lists| {
        let lists: Option<Vec<&Json>> = lists.iter().map(|list| list.downcast_ref()).collect();
        Some(joined(lists?.into_iter()))
    },
};

const NOTHING: Table = Table {
    type_name: || "list",
    len: |_| None,
    get: |_, _| unreachable!("nothing is a list"),
    join: |_| None,
    concat: |_| None,
};

fn joined<'a>(lists: impl Iterator<Item = &'a Json>) -> Value {
    let items = lists.flat_map(|list| list.as_array().cloned().unwrap_or_else(|| vec![list.clone()]));
    Value::new(Json::Array(items.collect()))
}

impl Elements {
    /// The elements of a `Vec<T>`.
    #[must_use]
    pub const fn of<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self { table: &Of::<T>::TABLE, nesting: Nesting::Plain }
    }

    /// Nothing is a list: for elements that come one by one.
    pub(crate) const NONE: Self = Self { table: &NOTHING, nesting: Nesting::Plain };

    /// The elements of a JSON array, each a `serde_json::Value`.
    #[must_use]
    pub const fn json() -> Self {
        Self { table: &JSON, nesting: Nesting::Plain }
    }

    /// The elements of the lists that the value is a list of: of a `Vec<Vec<T>>`, or of the lists that the children of
    /// another mapped task gave.
    #[must_use]
    pub const fn flatten(mut self) -> Self {
        self.nesting = Nesting::Flattened;
        self
    }

    /// How many there are; `None` if the value is no such list.
    pub(crate) fn len(self, list: &Value) -> Option<usize> {
        (self.table.len)(list)
    }

    /// The element at this place, which there is.
    pub(crate) fn get(self, list: &Value, i: usize) -> Value {
        (self.table.get)(list, i)
    }

    /// The list to take elements of: the value itself, or its lists joined.
    pub(crate) fn list(self, value: Value) -> Option<Value> {
        match self.nesting {
            Nesting::Plain => Some(value),
            Nesting::Flattened => (self.table.join)(&value),
        }
    }

    /// For a task that is not mapped: all the lists that an edge brings, joined. An error is the place of what gave none.
    pub(crate) fn flat(self, passed: &[Passed]) -> Result<Value, usize> {
        match passed {
            [Passed::Children(children)] => {
                let lists = children.iter().enumerate().map(|(i, child)| child.value().ok_or(i));
                (self.table.concat)(&lists.collect::<Result<Vec<_>, _>>()?).ok_or(0)
            }
            // As in Prefect, what is no list of lists is passed on as it is: an error stands for a state.
            [lists] => {
                let value = lists.value().ok_or(0_usize)?;
                (self.table.join)(value).or_else(|| lists.is_success().then(|| value.clone())).ok_or(0)
            }
            _ => Err(0),
        }
    }

    pub(crate) fn type_name(self) -> &'static str {
        (self.table.type_name)()
    }
}

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elements({}, {:?})", self.type_name(), self.nesting)
    }
}
