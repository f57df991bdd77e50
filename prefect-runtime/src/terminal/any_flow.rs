//! Flows as the command line has them, whatever their bodies return; and how one is run.
use std::sync::Arc;

#[cfg(feature = "schema")]
use super::json;
use super::parameters::Values;
use super::screen::Screen;
use super::shown::Shown;
use super::summary::Summary;
use super::{log, redactor_of, signals};
#[cfg(feature = "store")]
use {
    super::durable::How,
    crate::record::IfChanged,
    crate::scheduler::{Outlook, Scheduler},
    prefect_store::Store,
};

use crate::flow::{Flow, FlowOutput};
use crate::picture::Picture;
use crate::{Clock, ParameterInfo, panics};

/// A flow whatever its body returns, to be run by [`main`](crate::main).
pub struct AnyFlow(pub(super) Box<dyn Runnable>);

pub(super) trait Runnable {
    fn name(&self) -> &str;
    fn parameters(&self) -> Vec<ParameterInfo>;
    /// Takes the values, and adds what is wrong with them. Secrets are hidden in that.
    fn give(&mut self, values: &mut Values);
    fn picture(&self) -> Picture;
    /// The schema of the parameters, as text.
    #[cfg(feature = "schema")]
    fn schema(&self) -> String;
    #[cfg(feature = "store")]
    fn has_schedule(&self) -> bool;
    /// Its schedule, with so many of its next moments.
    #[cfg(feature = "store")]
    fn outlook(&self, moments: usize) -> Option<Outlook>;
    #[cfg(feature = "store")]
    fn served_by(&self, scheduler: Scheduler) -> Scheduler;
    /// The error is a sentence: nothing has begun.
    fn run(self: Box<Self>, course: Course, program: &str) -> Result<Summary, String>;
}

impl<O: FlowOutput> Runnable for Flow<O> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn parameters(&self) -> Vec<ParameterInfo> {
        Self::parameters(self).collect()
    }

    fn give(&mut self, values: &mut Values) {
        // Reading a value is user code.
        panics::install_hook();
        values.add_to(&mut self.given);
        values.add_mistakes(self.given.resolve(&self.graph.parameters, None).1);
        let redactor = redactor_of(self.settings.config_or_current().ok().as_ref());
        values.errors.iter_mut().for_each(|error| *error = redactor.redact(error).into_owned());
    }

    fn picture(&self) -> Picture {
        let config = self.settings.config_or_current().ok();
        self.graph().redacted(&redactor_of(config.as_ref()))
    }

    #[cfg(feature = "schema")]
    fn schema(&self) -> String {
        // A schema may be written by hand: user code.
        panics::install_hook();
        let redactor = redactor_of(self.settings.config_or_current().ok().as_ref());
        json::text(&self.parameters_schema(), &redactor)
    }

    #[cfg(feature = "store")]
    fn has_schedule(&self) -> bool {
        self.schedule.is_some()
    }

    #[cfg(feature = "store")]
    fn outlook(&self, moments: usize) -> Option<Outlook> {
        // Filters are user code.
        panics::install_hook();
        Some(Outlook::of(self.schedule.as_deref()?, &Clock::system(), moments))
    }

    #[cfg(feature = "store")]
    fn served_by(&self, scheduler: Scheduler) -> Scheduler {
        scheduler.flow(self)
    }

    fn run(self: Box<Self>, course: Course, program: &str) -> Result<Summary, String> {
        let config = self.settings.config_or_current().map_err(|error| error.to_string())?;
        let flow = course.of(*self)?;
        let settings = flow.settings.clone();
        let redactor = config.redactor().clone();
        let clock = settings.clock.clone().unwrap_or_else(Clock::system);
        let tasks = flow.graph.len();
        let screen = Arc::new(Screen::new(Arc::clone(&flow.graph.name), tasks, clock, redactor));
        log::install(&screen, &config);
        // A flow that cannot be run panics: what was printed before is shown all the same.
        let _end = End(&screen);
        let shown = Arc::new(Shown::new(Arc::clone(&screen)));
        let canceller = settings.canceller.clone().unwrap_or_default();
        signals::cancel(&canceller);
        let settings = settings.canceller(canceller);
        let run = flow.with(settings.shown_by(&shown).run_now()).run();
        screen.end();
        Ok(Summary::of(&run, screen.paint, program))
    }
}

/// What is recorded of a run.
pub(super) enum Course {
    /// Nothing.
    Unrecorded,
    /// All, as a new run.
    #[cfg(feature = "store")]
    New(Store),
    /// All, as the run that goes on.
    #[cfg(feature = "store")]
    GoOn(Store, String, How, IfChanged),
}

impl Course {
    /// The flow, to be run on this course.
    #[cfg_attr(not(feature = "store"), allow(clippy::unnecessary_wraps, reason = "what is recorded may not fit"))]
    fn of<O: FlowOutput>(self, flow: Flow<O>) -> Result<Flow<O>, String> {
        match self {
            Self::Unrecorded => Ok(flow),
            #[cfg(feature = "store")]
            Self::New(store) => {
                let settings = flow.settings.clone().store(store);
                Ok(flow.with(settings))
            }
            #[cfg(feature = "store")]
            Self::GoOn(store, run, how, if_changed) => {
                // Reading results is user code.
                panics::install_hook();
                let flow = match how {
                    How::Resume(approval) => flow.resumed(&store, &run, &approval, if_changed),
                    How::Retry(retry) => flow.retried(&store, &run, &retry, if_changed),
                };
                flow.map_err(|error| error.to_string())
            }
        }
    }
}

struct End<'a>(&'a Screen);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<O: FlowOutput + 'static> From<Flow<O>> for AnyFlow {
    fn from(flow: Flow<O>) -> Self {
        Self(Box::new(flow))
    }
}

impl std::fmt::Debug for AnyFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AnyFlow").field(&self.0.name()).finish()
    }
}

/// What [`main`](crate::main) takes: one flow, or several by `flows![..]`.
pub trait IntoFlows {
    /// The flows.
    fn into_flows(self) -> Vec<AnyFlow>;
}

impl<O: FlowOutput + 'static> IntoFlows for Flow<O> {
    fn into_flows(self) -> Vec<AnyFlow> {
        vec![self.into()]
    }
}

impl IntoFlows for Vec<AnyFlow> {
    fn into_flows(self) -> Vec<AnyFlow> {
        self
    }
}
