//! The flow language: what flows can be built of besides plain calls, and what becomes of it when they run.
#[path = "language/collections.rs"]
mod collections;
