//! Who has a run: leases, claims and the fence. As a model, of which all orders of events are tried; as the same model with
//! planted faults, which must be found; and as walks through the model that a real store makes too.
#![allow(unreachable_pub, clippy::pedantic, reason = "tests")]

mod checked;
mod model;
mod walks;
