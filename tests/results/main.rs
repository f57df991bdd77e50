//! Results that outlive a run: targets, stores, what is written and what is refused.
#![allow(clippy::items_after_statements, clippy::unnecessary_wraps, reason = "the shapes are what is tested")]
mod folder;
mod hostile;
mod local;
mod mistakes;
mod stores;
