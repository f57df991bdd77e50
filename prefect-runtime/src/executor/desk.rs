//! A worker's desk: the rest of its batch, and what it has finished but not yet told the engine. While the worker is in
//! a slow body, others report for it and take half of the rest.
use crate::engine::{Batch, Done};

#[derive(Default)]
pub(super) struct Desk {
    pub(super) batch: Batch,
    pub(super) done: Vec<Done>,
}
