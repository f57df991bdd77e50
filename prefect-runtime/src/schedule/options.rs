//! What every clock can carry: defaults of parameters, and labels, for the runs that it starts.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What comes with the moments of one clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ClockOptions {
    pub(super) parameter_defaults: BTreeMap<String, serde_json::Value>,
    pub(super) labels: BTreeSet<String>,
}

/// Shared by all events of a clock.
pub(super) type Options = Arc<ClockOptions>;

/// The methods that every clock has.
macro_rules! clock_methods {
    ($clock:ty) => {
        impl $clock {
            /// Runs that this clock starts get this value for a parameter: it goes before the parameter's own default,
            /// and before what the run is given.
            #[must_use]
            pub fn parameter_default(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
                let options = std::sync::Arc::make_mut(&mut self.options);
                options.parameter_defaults.insert(name.into(), value.into());
                self
            }

            /// Runs that this clock starts have this label, besides those that are there.
            #[must_use]
            pub fn label(mut self, label: impl Into<String>) -> Self {
                std::sync::Arc::make_mut(&mut self.options).labels.insert(label.into());
                self
            }

            /// The next `n` moments after this one, or as many as are left.
            #[must_use]
            pub fn next(&self, n: usize, after: impl Into<jiff::Timestamp>) -> Vec<jiff::ZonedDateTime> {
                $crate::schedule::Schedule::from(self.clone()).next(n, after)
            }
        }
    };
}
pub(super) use clock_methods;

/// The end of a clock that would go on for ever.
macro_rules! end_date_method {
    ($clock:ty) => {
        impl $clock {
            /// The last possible moment.
            ///
            /// # Errors
            /// If a text is no moment, or its time zone does not exist.
            pub fn end_date(
                mut self,
                moment: impl $crate::schedule::IntoMoment,
            ) -> Result<Self, $crate::schedule::ScheduleError> {
                self.end_date = Some(moment.into_moment()?.timestamp());
                Ok(self)
            }
        }
    };
}
pub(super) use end_date_method;
