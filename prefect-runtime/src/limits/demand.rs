//! What a task run, or a flow run, needs before it starts.
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{Limits, Rate};
use crate::plain::plain;

/// Something that is limited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limited {
    /// Task runs with this tag.
    Tag(Arc<str>),
    /// Runs of this flow.
    Flow(Arc<str>),
}

impl Limited {
    /// Its name in a store.
    #[cfg(feature = "store")]
    pub(super) fn in_store(&self) -> String {
        match self {
            Self::Tag(tag) => format!("tag:{tag}"),
            Self::Flow(flow) => format!("flow:{flow}"),
        }
    }
}

/// As it stands in messages.
impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "tag '{}'", plain(tag)),
            Self::Flow(flow) => write!(f, "flow '{}'", plain(flow)),
        }
    }
}

/// All of it, or nothing: in order, each thing once. What needs the same waits in the same line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Demand {
    /// A place of each, of so many.
    pub(super) places: Box<[(Limited, u32)]>,
    /// A start of each.
    pub(super) rates: Box<[(Limited, Rate)]>,
}

impl Demand {
    /// What a task run with these tags needs; `None` if none of them is limited.
    pub(super) fn of_task<'a>(limits: &Limits, tags: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let tags: BTreeSet<&str> = tags.into_iter().collect();
        let limited = |tag: &str| Limited::Tag(tag.into());
        let places = tags.iter().filter_map(|tag| Some((limited(tag), limits.tags.get(*tag)?.get()))).collect();
        let rates = tags.iter().filter_map(|tag| Some((limited(tag), limits.rates.get(*tag)?.clone()))).collect();
        Self { places, rates }.if_any()
    }

    /// What a run of this flow needs; `None` if it is not limited.
    pub(super) fn of_flow(limits: &Limits, flow: &Arc<str>) -> Option<Self> {
        let limit = limits.flows.get(&**flow)?.get();
        Some(Self { places: [(Limited::Flow(Arc::clone(flow)), limit)].into(), rates: Box::default() })
    }

    fn if_any(self) -> Option<Self> {
        (!self.places.is_empty() || !self.rates.is_empty()).then_some(self)
    }

    /// What it needs places of.
    #[cfg(feature = "store")]
    pub(super) fn of_places(&self) -> impl Iterator<Item = &Limited> {
        self.places.iter().map(|(limited, _)| limited)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Limited> {
        self.places.iter().map(|(limited, _)| limited).chain(self.rates.iter().map(|(limited, _)| limited))
    }

    /// The first thing that it needs.
    pub(super) fn first(&self) -> &Limited {
        self.all().next().expect("it needs something")
    }

    pub(super) fn others_came_before(&self) -> String {
        format!("Waiting for {}: others came before", self.first())
    }

    /// Whether both need the same thing.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.all().any(|one| other.all().any(|another| one == another))
    }
}
