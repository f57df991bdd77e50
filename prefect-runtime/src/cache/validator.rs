//! Who decides whether a kept result fits: Prefect's validators, and users' own.
use std::fmt;
use std::sync::Arc;

use super::CacheCandidate;
use crate::quiet::Quiet;

/// Decides whether a kept result is used in place of a run of the task.
///
/// In `#[task(cache_for = "1h", cache_validator = ..)]` stand [`never_use`], [`duration_only`] (the default),
/// [`all_inputs`], [`all_parameters`], [`partial_inputs_only(["x"])`](partial_inputs_only),
/// [`partial_parameters_only(["day"])`](partial_parameters_only), or a function of one's own.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::CacheCandidate;
///
/// /// Close enough is good enough.
/// fn nearby(kept: &CacheCandidate<'_>) -> bool {
///     let at = |at: Option<&f64>| at.copied().unwrap_or(f64::NAN);
///     kept.is_fresh() && (at(kept.input("at")) - at(kept.kept_input("at"))).abs() < 0.1
/// }
///
/// #[task(cache_for = "1h", cache_validator = nearby)]
/// fn weather(at: f64) -> String {
///     format!("sunny at {at}")
/// }
///
/// flow!("first", { weather(52.51) }).run();
/// assert_eq!(flow!("second", { weather(52.52) }).run().output().unwrap(), "sunny at 52.51");
/// assert_eq!(flow!("third", { weather(48.1) }).run().output().unwrap(), "sunny at 48.1");
/// ```
#[derive(Clone)]
pub struct CacheValidator {
    accepts: Arc<Quiet<Accepts>>,
    pub(crate) looks_at: LooksAt,
}

type Accepts = Box<dyn Fn(&CacheCandidate<'_>) -> bool + Send + Sync>;

/// What a validator looks at: no more is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LooksAt {
    TheTime,
    Inputs,
    TheseInputs(Vec<String>),
    Parameters,
    TheseParameters(Vec<String>),
    Everything,
}

impl LooksAt {
    pub(crate) fn inputs(&self) -> bool {
        matches!(self, Self::Inputs | Self::TheseInputs(_) | Self::Everything)
    }

    pub(crate) fn parameters(&self) -> bool {
        matches!(self, Self::Parameters | Self::TheseParameters(_) | Self::Everything)
    }
}

impl CacheValidator {
    fn new(looks_at: LooksAt, accepts: impl Fn(&CacheCandidate<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { accepts: Arc::new(Quiet::new(Box::new(accepts))), looks_at }
    }

    /// A function of one's own. It has to look at the time too: [`CacheCandidate::is_fresh`].
    #[must_use]
    pub fn when(accepts: impl Fn(&CacheCandidate<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self::new(LooksAt::Everything, accepts)
    }

    pub(crate) fn accepts(&self, candidate: &CacheCandidate<'_>) -> bool {
        (self.accepts)(candidate)
    }
}

impl fmt::Debug for CacheValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheValidator").field("looks_at", &self.looks_at).finish_non_exhaustive()
    }
}

/// Never uses a kept result: the task keeps its results for others only.
#[must_use]
pub fn never_use() -> CacheValidator {
    CacheValidator::new(LooksAt::TheTime, |_| false)
}

/// Uses a kept result as long as its time has not passed, whatever the inputs are.
#[must_use]
pub fn duration_only() -> CacheValidator {
    CacheValidator::new(LooksAt::TheTime, |kept: &CacheCandidate<'_>| CacheCandidate::is_fresh(kept))
}

/// Uses a kept result if all inputs of the task are the same.
#[must_use]
pub fn all_inputs() -> CacheValidator {
    CacheValidator::new(LooksAt::Inputs, |kept| kept.is_fresh() && kept.same_inputs())
}

/// Uses a kept result if all parameters of the flow are the same.
#[must_use]
pub fn all_parameters() -> CacheValidator {
    CacheValidator::new(LooksAt::Parameters, |kept| kept.is_fresh() && kept.same_parameters())
}

/// Uses a kept result if these inputs of the task are the same. An input that the task does not have is a panic where the
/// flow is built.
#[must_use]
pub fn partial_inputs_only<N: Into<String>>(names: impl IntoIterator<Item = N>) -> CacheValidator {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let looks_at = LooksAt::TheseInputs(names.clone());
    CacheValidator::new(looks_at, move |kept| kept.is_fresh() && names.iter().all(|name| kept.same_input(name)))
}

/// Uses a kept result if these parameters of the flow are the same. A parameter that the flow does not have is a panic where
/// the flow is built.
#[must_use]
pub fn partial_parameters_only<N: Into<String>>(names: impl IntoIterator<Item = N>) -> CacheValidator {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let looks_at = LooksAt::TheseParameters(names.clone());
    CacheValidator::new(looks_at, move |kept| kept.is_fresh() && names.iter().all(|name| kept.same_parameter(name)))
}

/// What is taken as a validator: a [`CacheValidator`], a function that makes one, such as [`all_inputs`], or a function of
/// a [`CacheCandidate`] that says whether it fits. `M` only tells the implementations apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache validator",
    label = "not a cache validator",
    note = "a cache validator is `all_inputs`, `partial_inputs_only([\"x\"])` and the like, or a `fn(&CacheCandidate<'_>) -> bool`"
)]
pub trait IntoCacheValidator<M> {
    /// The validator.
    fn into_cache_validator(self) -> CacheValidator;
}

#[diagnostic::do_not_recommend]
impl IntoCacheValidator<CacheValidator> for CacheValidator {
    fn into_cache_validator(self) -> CacheValidator {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<F: FnOnce() -> CacheValidator> IntoCacheValidator<fn() -> CacheValidator> for F {
    fn into_cache_validator(self) -> CacheValidator {
        self()
    }
}

#[diagnostic::do_not_recommend]
impl<F> IntoCacheValidator<fn(&CacheCandidate<'_>) -> bool> for F
where
    F: Fn(&CacheCandidate<'_>) -> bool + Send + Sync + 'static,
{
    fn into_cache_validator(self) -> CacheValidator {
        CacheValidator::when(self)
    }
}

/// For the macros: takes closures, whose parameters get their types here.
#[doc(hidden)]
pub fn cache_validator<M>(validator: impl IntoCacheValidator<M>) -> CacheValidator {
    validator.into_cache_validator()
}
