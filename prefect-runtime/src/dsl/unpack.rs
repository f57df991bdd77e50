//! Tuples taken apart: `let (a, b) = split(x);`.
use super::node::Node;
use crate::Data;
use crate::Value;
use crate::built_in::get_item;
use crate::flow::{Slot, scope};

/// What `let (a, b) = ..;` in the body of a flow can take apart: the result of a task that returns a tuple. Every other
/// value stays as it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken apart into a tuple here",
    label = "expected a tuple, or the result of a task that returns a tuple of as many elements",
    note = "each element must be `Clone`, `Serialize` and `Deserialize`, and there may be 2 to 8"
)]
pub trait Unpack<P> {
    /// The elements.
    #[track_caller]
    fn unpack(self) -> P;
}

#[diagnostic::do_not_recommend]
impl<T> Unpack<T> for T {
    fn unpack(self) -> T {
        self
    }
}

/// For the macros: the right side of `let (a, b) = ..;`.
#[track_caller]
pub fn unpack<P>(value: impl Unpack<P>) -> P {
    value.unpack()
}

/// Prefect's `GetItem`, with the place in the tuple as its key.
#[track_caller]
fn item<P: Send + Sync + 'static, T: Data>(tuple: Node<P>, i: usize, get: fn(&P) -> T) -> Node<T> {
    let task = tuple.own();
    let name = scope::edit(|flow| format!("{}[{i}]", flow.name_of(task)));
    let made = get_item(name, move |tuple: &P, _: &usize| Ok(get(tuple)));
    let mut inputs = [Some(Slot::Upstream(task)), Some(Slot::Value(Value::new(i)))];
    Node::new(scope::add_built_in(made, &mut inputs))
}

macro_rules! tuples {
    ($($(#[$doc:meta])* ($($t:ident $i:tt),*))*) => { $(
        #[diagnostic::do_not_recommend]
        impl<$($t: Data),*> Unpack<($(Node<$t>,)*)> for Node<($($t,)*)> {
            #[track_caller]
            fn unpack(self) -> ($(Node<$t>,)*) {
                Node::<($($t,)*)>::unpack(self)
            }
        }

        impl<$($t: Data),*> Node<($($t,)*)> {
            $(#[$doc])*
            #[track_caller]
            #[must_use = "the elements are tasks of their own"]
            pub fn unpack(self) -> ($(Node<$t>,)*) {
                ($(item(self, $i, |tuple| tuple.$i.clone()),)*)
            }
        }
    )* };
}
tuples! {
    /// One node for each element of the tuple: an ordinary task, called `{name}[0]` and so on.
    ///
    /// In `flow!` and `#[prefect::flow]` it is not needed: `let (a, b) = split(x);` does the same.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn split(x: i64) -> (i64, String) {
    ///     (x / 2, format!("half of {x}"))
    /// }
    ///
    /// let flow = flow!("halves", {
    ///     let (half, text) = split(8);
    ///     let (quarter, _) = split(half).unpack();
    ///     (quarter, text)
    /// });
    /// assert_eq!(flow.run().output().unwrap(), (2, "half of 8".to_owned()));
    /// ```
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1)
    /// One node for each element of the tuple, as for a pair.
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1, C 2)
    /// One node for each element of the tuple, as for a pair.
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1, C 2, D 3)
    /// One node for each element of the tuple, as for a pair.
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1, C 2, D 3, E 4)
    /// One node for each element of the tuple, as for a pair.
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1, C 2, D 3, E 4, F 5)
    /// One node for each element of the tuple, as for a pair.
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    /// One node for each element of the tuple, as for a pair.
    ///
    /// # Panics
    /// If the task belongs to another flow than the one that is being built.
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
