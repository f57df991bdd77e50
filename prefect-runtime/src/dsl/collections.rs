//! Lists, maps and tuples that hold results of tasks, as arguments.
//!
//! No task is made for the collection: each node in it is directly upstream of the reader, so that the reader's trigger
//! sees every one of them, and `Vec<Outcome<T>>` tells what became of each.
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::convert::{constant, into_input, option};
use super::node::own_all;
use super::parts::{Element, Parts, each, value};
use super::{Input, IntoInput, Node, Outcome};
use crate::Value;
use crate::flow::Slot;
use crate::quiet::Quiet;

/// One element of a list or map that mixes results of tasks with plain values; [`list!`](crate::list) writes it for each.
///
/// ```
/// use std::collections::HashMap;
/// use prefect::prelude::*;
///
/// #[task]
/// fn one() -> i64 {
///     1
/// }
/// #[task]
/// fn total(numbers: HashMap<String, i64>) -> i64 {
///     numbers.values().sum()
/// }
///
/// let flow = flow!("mixed", { total([("a", input(one())), ("b", input(5))]) });
/// assert_eq!(flow.run().output().unwrap(), 6);
/// ```
///
/// # Panics
/// If it is a node of another flow than the one that is being built.
#[track_caller]
pub fn input<T>(value: impl IntoInput<T>) -> Input<T> {
    value.into_input()
}

/// A list that mixes results of tasks with plain values: `list![a, -1, b]`.
///
/// Where all elements are results of tasks, `vec![a, b]` or `[a, b]` does as well.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn one() -> i64 {
///     1
/// }
/// #[task]
/// fn total(numbers: &[i64]) -> i64 {
///     numbers.iter().sum()
/// }
///
/// let flow = flow!("list", { total(list![one(), -3, one()]) });
/// assert_eq!(flow.run().output().unwrap(), -1);
/// ```
#[macro_export]
macro_rules! list {
    ($($element:expr),* $(,)?) => { ::std::vec![$($crate::input($element)),*] };
}

into_input! {
    // Of plain values.
    [T: Storable, const N: usize] [T; N] => Vec<T>, |list| constant(Vec::from(list));
    [const N: usize] [&str; N] => Vec<String>, |list| constant(list.map(str::to_owned).to_vec());
    [] Vec<&str> => Vec<String>, |list| constant(list.into_iter().map(str::to_owned).collect::<Vec<_>>());
    [K: Storable + Eq + Hash, T: Storable, const N: usize] [(K, T); N] => HashMap<K, T>, |map| constant(HashMap::from(map));
    [T: Storable, const N: usize] [(&str, T); N] => HashMap<String, T>, |map| constant(HashMap::from(map.map(text_key)));
    [K: Storable + Ord, T: Storable, const N: usize] [(K, T); N] => BTreeMap<K, T>, |map| constant(BTreeMap::from(map));
    [T: Storable, const N: usize] [(&str, T); N] => BTreeMap<String, T>, |map| constant(BTreeMap::from(map.map(text_key)));
    // Lists of results.
    [T: Element] Vec<Node<T>> => Vec<T>, |list| each(own_all(list), value);
    [T: Element] Vec<Node<T>> => Vec<Option<T>>, |list| each(own_all(list), option);
    [T: Element] Vec<Node<T>> => Vec<Outcome<T>>, |list| each(own_all(list), Outcome::of);
    [T: Element, const N: usize] [Node<T>; N] => Vec<T>, |list| each(own_all(list), value);
    [T: Element, const N: usize] [Node<T>; N] => Vec<Option<T>>, |list| each(own_all(list), option);
    [T: Element, const N: usize] [Node<T>; N] => Vec<Outcome<T>>, |list| each(own_all(list), Outcome::of);
    [T: Element] Vec<Input<T>> => Vec<T>, |list| all(list);
    [T: Element, const N: usize] [Input<T>; N] => Vec<T>, |list| all(list);
    // Maps to results.
    [K: Element + Eq + Hash, T: Element] HashMap<K, Node<T>> => HashMap<K, T>, |map| entries(map);
    [K: Element + Eq + Hash, T: Element] HashMap<K, Node<T>> => HashMap<K, Outcome<T>>, |map| entries(map);
    [K: Element + Eq + Hash, T: Element] HashMap<K, Node<T>> => HashMap<K, Option<T>>, |map| entries(map);
    [K: Element + Eq + Hash, T: Element] HashMap<K, Input<T>> => HashMap<K, T>, |map| entries(map);
    [T: Element] HashMap<&str, Node<T>> => HashMap<String, T>, |map| entries(map.into_iter().map(text_key));
    [K: Element + Ord, T: Element] BTreeMap<K, Node<T>> => BTreeMap<K, T>, |map| entries(map);
    [K: Element + Ord, T: Element] BTreeMap<K, Node<T>> => BTreeMap<K, Outcome<T>>, |map| entries(map);
    [K: Element + Ord, T: Element] BTreeMap<K, Node<T>> => BTreeMap<K, Option<T>>, |map| entries(map);
    [K: Element + Ord, T: Element] BTreeMap<K, Input<T>> => BTreeMap<K, T>, |map| entries(map);
    [T: Element] BTreeMap<&str, Node<T>> => BTreeMap<String, T>, |map| entries(map.into_iter().map(text_key));
    [K: Element + Eq + Hash, T: Element, const N: usize] [(K, Node<T>); N] => HashMap<K, T>, |map| entries(map);
    [T: Element, const N: usize] [(&str, Node<T>); N] => HashMap<String, T>, |map| entries(map.map(text_key));
    [K: Element + Eq + Hash, T: Element, const N: usize] [(K, Input<T>); N] => HashMap<K, T>, |map| entries(map);
    [T: Element, const N: usize] [(&str, Input<T>); N] => HashMap<String, T>, |map| entries(map.map(text_key));
    [K: Element + Ord, T: Element, const N: usize] [(K, Node<T>); N] => BTreeMap<K, T>, |map| entries(map);
    [T: Element, const N: usize] [(&str, Node<T>); N] => BTreeMap<String, T>, |map| entries(map.map(text_key));
    [K: Element + Ord, T: Element, const N: usize] [(K, Input<T>); N] => BTreeMap<K, T>, |map| entries(map);
    [T: Element, const N: usize] [(&str, Input<T>); N] => BTreeMap<String, T>, |map| entries(map.map(text_key));
}

/// What a plain value in a list or a map has to be.
pub trait Storable: Serialize + DeserializeOwned + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Storable for T {}

// Loops, because a closure would not hand on whose call it is.

fn all<T: Element>(inputs: impl IntoIterator<Item = Input<T>>) -> Input<Vec<T>> {
    let mut parts = Parts::default();
    for input in inputs {
        parts.add(input);
    }
    let len = parts.len();
    parts.input(move |reader| (0..len).map(|_| reader.next()).collect())
}

fn text_key<T>((key, value): (&str, T)) -> (String, T) {
    (key.to_owned(), value)
}

#[track_caller]
fn entries<K: Element, V: IntoInput<T>, T: Element, M: FromIterator<(K, T)> + Send + Sync + 'static>(
    entries: impl IntoIterator<Item = (K, V)>,
) -> Input<M> {
    let (mut keys, mut parts) = (Vec::new(), Parts::default());
    for (key, value) in entries {
        keys.push(key);
        parts.add::<T>(value.into_input());
    }
    // Keys are of a user's type.
    let keys = Quiet::new(keys);
    parts.input(move |reader| keys.iter().map(|key| Ok((key.clone(), reader.next()?))).collect())
}

/// Tuples: every mix of nodes (`n`) and plain values (`v`) up to four, nodes alone up to eight. One impl for all,
/// `(X, Y): IntoInput<(A, B)>` where `X: IntoInput<A>`, would overlap with the one for plain values.
macro_rules! tuple {
    ($(($($kind:ident $t:ident),*))*) => { $(
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case, reason = "one letter for the type and its value")]
        impl<$($t: Element),*> IntoInput<($($t,)*)> for ($(tuple!(@part $kind $t),)*) {
            #[track_caller]
            fn into_input(self) -> Input<($($t,)*)> {
                let ($($t,)*) = self;
                let mut parts = Parts::default();
                $(parts.add::<$t>(tuple!(@input $kind $t));)*
                parts.input(|reader| Ok(($(reader.next::<$t>()?,)*)))
            }
        }
    )* };
    (@part n $t:ident) => { Node<$t> };
    (@part v $t:ident) => { $t };
    (@input n $t:ident) => { IntoInput::<$t>::into_input($t) };
    (@input v $t:ident) => { Input::new(Slot::Value(Value::in_memory($t))) };
}
tuple! {
    (n A)
    (n A, n B) (n A, v B) (v A, n B)
    (n A, n B, n C) (n A, n B, v C) (n A, v B, n C) (n A, v B, v C) (v A, n B, n C) (v A, n B, v C) (v A, v B, n C)
    (n A, n B, n C, n D) (n A, n B, n C, v D) (n A, n B, v C, n D) (n A, n B, v C, v D)
    (n A, v B, n C, n D) (n A, v B, n C, v D) (n A, v B, v C, n D) (n A, v B, v C, v D)
    (v A, n B, n C, n D) (v A, n B, n C, v D) (v A, n B, v C, n D) (v A, n B, v C, v D)
    (v A, v B, n C, n D) (v A, v B, n C, v D) (v A, v B, v C, n D)
    (n A, n B, n C, n D, n E) (n A, n B, n C, n D, n E, n F)
    (n A, n B, n C, n D, n E, n F, n G) (n A, n B, n C, n D, n E, n F, n G, n H)
}
