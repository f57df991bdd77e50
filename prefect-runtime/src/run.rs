//! What the tasks and handlers of one run share.
use std::fmt;
use std::sync::Arc;

use crate::Clock;
use crate::notify::Notifications;

/// The services of one run: handlers and tasks reach them through what they are given.
pub(crate) struct Services {
    pub(crate) flow_name: Arc<str>,
    pub(crate) flow_run_id: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) notifications: Notifications,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("flow_run_id", &self.flow_run_id).finish_non_exhaustive()
    }
}
