//! Typed workflows.
pub use prefect_macros::{flow, task};
pub use prefect_runtime::*;
