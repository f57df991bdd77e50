//! The store, through its public API: what is recorded, who may record it, what becomes of it when something ends or fails.
//!
//! Some tests are about processes: they start this very program as a child (`child`), and use real time with short leases.
#![allow(unreachable_pub, clippy::pedantic, reason = "tests")]
mod cancelled;
mod checkup;
mod child;
mod claims;
mod failing;
mod fixture;
mod hammer;
mod killed;
mod locked;
mod opening;
mod outbox;
mod owners;
mod reading;
mod recording;
mod references;
mod secrets;
mod support;
mod ticks;
mod torn;
