//! Operators on results of tasks: each makes a task, with Prefect's name for it.
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Rem, Sub};

use super::parts::Element;
use super::{Data, IntoInput, Node};
use crate::built_in::{get_item, operator, unary};
use crate::flow::{Slot, scope};

/// A task of two inputs of one type.
#[track_caller]
fn binary<T: Element, Z: Data>(
    name: &'static str,
    x: impl IntoInput<T>,
    y: impl IntoInput<T>,
    apply: impl Fn(&T, &T) -> Z + Send + Sync + 'static,
) -> Node<Z> {
    let mut inputs = [Some(x.into_input().into_slot()), Some(y.into_input().into_slot())];
    Node::new(scope::add_built_in(operator(name, apply), &mut inputs))
}

macro_rules! operators {
    ($($operator:ident $method:ident $name:literal;)*) => { $(
        impl<T, R: IntoInput<T>> $operator<R> for Node<T>
        where
            T: Element + $operator<T>,
            T::Output: Data,
        {
            type Output = Node<T::Output>;

            #[track_caller]
            fn $method(self, other: R) -> Self::Output {
                binary::<T, _>($name, self, other, |x, y| x.clone().$method(y.clone()))
            }
        }
        plain_left! { $operator $method $name i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64 }
    )* };
}

/// A plain number on the left: `1 + a`.
macro_rules! plain_left {
    ($operator:ident $method:ident $name:literal $($number:ty)*) => { $(
        impl $operator<Node<$number>> for $number {
            type Output = Node<$number>;

            #[track_caller]
            fn $method(self, other: Node<$number>) -> Node<$number> {
                binary::<$number, _>($name, self, other, |x, y| x.$method(y))
            }
        }
    )* };
}

operators! {
    Add add "Add";
    Sub sub "Sub";
    Mul mul "Mul";
    Div div "Div";
    Rem rem "Mod";
}

impl<T> Neg for Node<T>
where
    T: Element + Neg,
    T::Output: Data,
{
    type Output = Node<T::Output>;

    #[track_caller]
    fn neg(self) -> Self::Output {
        let mut inputs = [Some(Slot::Upstream(self.own()))];
        Node::new(scope::add_built_in(unary("Neg", |x: &T| -x.clone()), &mut inputs))
    }
}

impl Not for Node<bool> {
    type Output = Self;

    #[track_caller]
    fn not(self) -> Self {
        let mut inputs = [Some(Slot::Upstream(self.own()))];
        Self::new(scope::add_built_in(unary("Not", |x: &bool| !x), &mut inputs))
    }
}

impl<R: IntoInput<bool>> BitAnd<R> for Node<bool> {
    type Output = Self;

    #[track_caller]
    fn bitand(self, other: R) -> Self {
        binary::<bool, _>("And", self, other, |x, y| *x && *y)
    }
}

impl<R: IntoInput<bool>> BitOr<R> for Node<bool> {
    type Output = Self;

    #[track_caller]
    fn bitor(self, other: R) -> Self {
        binary::<bool, _>("Or", self, other, |x, y| *x || *y)
    }
}

/// Comparisons are methods: in Rust `a < b` and `a == b` are a `bool` at once, before anything has run. `eq` and `ne` compare
/// two results, not two nodes.
#[allow(clippy::should_implement_trait, reason = "those traits give a `bool`")]
impl<T: Element> Node<T> {
    /// Whether it is less: the task `LessThan`.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn age() -> u8 {
    ///     17
    /// }
    ///
    /// let flow = flow!("grown up", {
    ///     let age = age();
    ///     !age.lt(18) | age.eq(17)
    /// });
    /// assert!(flow.run().output().unwrap());
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn lt(self, other: impl IntoInput<T>) -> Node<bool>
    where
        T: PartialOrd,
    {
        binary::<T, _>("LessThan", self, other, T::lt)
    }

    /// Whether it is less or equal: the task `LessThanOrEqual`.
    ///
    /// ```
    /// # use prefect::prelude::*;
    /// # #[task]
    /// # fn age() -> u8 {
    /// #     17
    /// # }
    /// let flow = flow!("ages", { age().le(17) });
    /// assert!(flow.run().output().unwrap());
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn le(self, other: impl IntoInput<T>) -> Node<bool>
    where
        T: PartialOrd,
    {
        binary::<T, _>("LessThanOrEqual", self, other, T::le)
    }

    /// Whether it is greater: the task `GreaterThan`.
    ///
    /// ```
    /// # use prefect::prelude::*;
    /// # #[task]
    /// # fn age() -> u8 {
    /// #     17
    /// # }
    /// let flow = flow!("ages", { !age().gt(17) });
    /// assert!(flow.run().output().unwrap());
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn gt(self, other: impl IntoInput<T>) -> Node<bool>
    where
        T: PartialOrd,
    {
        binary::<T, _>("GreaterThan", self, other, T::gt)
    }

    /// Whether it is greater or equal: the task `GreaterThanOrEqual`.
    ///
    /// ```
    /// # use prefect::prelude::*;
    /// # #[task]
    /// # fn age() -> u8 {
    /// #     17
    /// # }
    /// let flow = flow!("ages", { age().ge(age()) });
    /// assert!(flow.run().output().unwrap());
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn ge(self, other: impl IntoInput<T>) -> Node<bool>
    where
        T: PartialOrd,
    {
        binary::<T, _>("GreaterThanOrEqual", self, other, T::ge)
    }

    /// Whether it is equal: the task `Equal`.
    ///
    /// ```
    /// # use prefect::prelude::*;
    /// # #[task]
    /// # fn age() -> u8 {
    /// #     17
    /// # }
    /// let flow = flow!("ages", { age().eq(17) });
    /// assert!(flow.run().output().unwrap());
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn eq(self, other: impl IntoInput<T>) -> Node<bool>
    where
        T: PartialEq,
    {
        binary::<T, _>("Equal", self, other, T::eq)
    }

    /// Whether it is not equal: the task `NotEqual`.
    ///
    /// ```
    /// # use prefect::prelude::*;
    /// # #[task]
    /// # fn age() -> u8 {
    /// #     17
    /// # }
    /// let flow = flow!("ages", { !age().ne(17) });
    /// assert!(flow.run().output().unwrap());
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn ne(self, other: impl IntoInput<T>) -> Node<bool>
    where
        T: PartialEq,
    {
        binary::<T, _>("NotEqual", self, other, T::ne)
    }
}

/// The task `GetItem`, called `{name}[{key}]`; a key that comes from a task is shown as that task.
#[track_caller]
fn get<C, K, T>(all: Node<C>, key: impl IntoInput<K>, find: fn(&C, &K) -> Result<T, String>) -> Node<T>
where
    C: Send + Sync + 'static,
    K: Debug + Send + Sync + 'static,
    T: Data,
{
    let (task, key) = (all.own(), key.into_input().into_slot());
    let name = scope::edit(|flow| {
        let shown = match &key {
            Slot::Value(value) => value.downcast_ref::<K>().map(|key| format!("{key:?}")),
            Slot::Upstream(key) => Some(format!("<Task: {}>", flow.name_of(*key))),
            Slot::Computed(_) | Slot::Each(_) => None,
        };
        format!("{}[{}]", flow.name_of(task), shown.unwrap_or_else(|| "..".to_owned()))
    });
    let made = get_item(name, move |all: &C, key: &K| find(all, key).map_err(Into::into));
    Node::new(scope::add_built_in(made, &mut [Some(Slot::Upstream(task)), Some(key)]))
}

impl<T: Data> Node<Vec<T>> {
    /// The element at this place: a task called `{name}[{place}]`, which fails if there is none.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn scores() -> Vec<i64> {
    ///     vec![5, 6]
    /// }
    ///
    /// let flow = flow!("sum", {
    ///     let scores = scores();
    ///     scores.get(0) + scores.get(1)
    /// });
    /// assert_eq!(flow.run().output().unwrap(), 11);
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn get(self, place: impl IntoInput<usize>) -> Node<T> {
        get(self, place, |list, i| {
            list.get(*i).cloned().ok_or_else(|| format!("no element {i}: the list has {}", list.len()))
        })
    }
}

impl<K, T, S> Node<HashMap<K, T, S>>
where
    K: Data + Eq + Hash + Debug,
    T: Data,
    S: BuildHasher + Send + Sync + 'static,
{
    /// The value of this key: a task called `{name}[{key}]`, which fails if there is none.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn ages() -> HashMap<String, u8> {
    ///     HashMap::from([("ann".to_owned(), 30)])
    /// }
    ///
    /// let flow = flow!("age", { ages().get("ann") });
    /// assert_eq!(flow.run().output().unwrap(), 30);
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn get(self, key: impl IntoInput<K>) -> Node<T> {
        get(self, key, |map, key| map.get(key).cloned().ok_or_else(|| format!("no key {key:?}")))
    }
}

impl<K: Data + Ord + Debug, T: Data> Node<BTreeMap<K, T>> {
    /// The value of this key: a task called `{name}[{key}]`, which fails if there is none.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn names() -> BTreeMap<u8, String> {
    ///     BTreeMap::from([(1, "ann".to_owned())])
    /// }
    ///
    /// let flow = flow!("name", { names().get(1) });
    /// assert_eq!(flow.run().output().unwrap(), "ann");
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow than the one that is being built.
    #[track_caller]
    #[must_use = "it makes a task"]
    pub fn get(self, key: impl IntoInput<K>) -> Node<T> {
        get(self, key, |map, key| map.get(key).cloned().ok_or_else(|| format!("no key {key:?}")))
    }
}
