//! What the threads of a run share and wait on: the standard library's, or, in a build with `--cfg prefect_model`, that of a
//! model, which decides at each of these calls who goes on. So the tests in `tests/models` try thousands of orders of the
//! code itself.
//!
//! All that takes a lock, waits, or starts a thread on the way of a run gets it from here, and thread locals too.
#[cfg(not(prefect_model))]
mod machine;
#[cfg(prefect_model)]
mod model;

#[cfg(not(prefect_model))]
pub(crate) use machine::*;
#[cfg(prefect_model)]
pub(crate) use model::*;
