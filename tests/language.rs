//! The flow language: what flows can be built of besides plain calls, and what becomes of it when they run.
#[path = "language/collections.rs"]
mod collections;
#[path = "language/control.rs"]
mod control;
#[path = "language/operators.rs"]
mod operators;
#[path = "language/order.rs"]
mod order;
#[path = "language/parts.rs"]
mod parts;
#[path = "language/resources.rs"]
mod resources;
#[path = "language/resources_again.rs"]
mod resources_again;
#[path = "language/tuples.rs"]
mod tuples;
