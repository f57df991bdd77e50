//! `flow!` and `#[prefect::flow]`.
pub(crate) mod attribute;
pub(crate) mod bang;
mod values;
