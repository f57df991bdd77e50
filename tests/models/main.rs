//! The library's own code on threads of a model, which tries thousands of orders in which they may go on: who takes what
//! is ready, a timeout against the end of its body, places of what is limited, the end of a run. Run by `scripts/models`.
//!
//! A failure names its seed; `MODELS_SEED` and `MODELS_SCHEDULES=1` make the same schedule again. Memory is as if every
//! atomic were `SeqCst`: what a weaker order would allow is not tried.
#![cfg(prefect_model)]
mod flows;
mod limits;
mod ready;
mod schedules;
mod shutdown;
mod timeouts;
