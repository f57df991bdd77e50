//! Things to notify about, for unit tests.
use std::sync::Arc;

use super::Notifications;
use crate::run::Services;
use crate::{Clock, Tracked, TrackedKind};

pub(crate) fn tracked(kind: TrackedKind, name: &str) -> Tracked {
    with(Notifications::unconfigured(Clock::system()), kind, name)
}

pub(crate) fn with(notifications: Notifications, kind: TrackedKind, name: &str) -> Tracked {
    let services = Services::without_flow(notifications.0.clock.clone(), notifications);
    Tracked { kind, name: name.into(), slug: name.into(), map_index: None, run: None, services: Arc::new(services) }
}
