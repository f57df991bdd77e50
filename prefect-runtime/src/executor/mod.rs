//! What runs the tasks: one after the other, or on threads.
mod accounted;
mod attempt;
mod commits;
mod desk;
pub(crate) mod local;
mod pool;
pub(crate) mod threads;
mod wait;

pub(crate) use accounted::Accounted;
pub(crate) use wait::wait;
