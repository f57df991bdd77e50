//! Messages of handlers that are called for a change which is about to be recorded: they are recorded with it.
use std::cell::RefCell;
use std::sync::Arc;

use super::channel::Channel;
use super::ledger::Row;
use super::queue::Message;
use crate::run::Services;
use crate::sync::thread_local;

/// A message on its way to the queue of its destination, behind the change that it tells of.
pub(crate) struct Pending {
    pub(super) channel: Arc<Channel>,
    pub(super) what: What,
    /// How it is recorded.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    pub(crate) ticket: u32,
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    pub(crate) row: Option<Row>,
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    pub(crate) cause: Option<Arc<str>>,
}

pub(super) enum What {
    Message(Box<Message>),
    /// One more of those that are told together.
    Together,
}

impl Pending {
    /// The change is on its way to the store, where this position is its; `None` if it is not recorded.
    pub(crate) fn handed_over(self, upto: Option<u64>) {
        match self.what {
            What::Message(mut message) => {
                message.behind(upto);
                self.channel.push(*message);
            }
            What::Together => self.channel.handed_over(self.ticket, upto.unwrap_or(0)),
        }
    }
}

struct Collected {
    /// Of which run: only compared.
    run: *const Services,
    pending: Vec<Pending>,
}

thread_local! {
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// While it lives, messages of a run that come on this thread are collected.
pub(crate) struct Collecting(Option<Collected>);

impl Collecting {
    pub(crate) fn of(run: &Arc<Services>) -> Self {
        let mine = Collected { run: Arc::as_ptr(run), pending: Vec::new() };
        Self(COLLECTED.replace(Some(mine)))
    }

    /// What has come.
    pub(crate) fn end(self) -> Vec<Pending> {
        let take = |mine: &mut Collected| std::mem::take(&mut mine.pending);
        let pending = COLLECTED.with_borrow_mut(|collected| collected.as_mut().map(take)).unwrap_or_default();
        drop(self);
        pending
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        let mine = COLLECTED.replace(self.0.take());
        // Nobody took them: the change was never recorded.
        for pending in mine.into_iter().flat_map(|mine| mine.pending) {
            pending.handed_over(None);
        }
    }
}

/// Whether messages of this run are collected on this thread.
pub(super) fn is_on(run: &Arc<Services>) -> bool {
    COLLECTED.with_borrow(|collected| collected.as_ref().is_some_and(|mine| mine.run == Arc::as_ptr(run)))
}

pub(super) fn push(pending: Pending) {
    COLLECTED.with_borrow_mut(|collected| {
        if let Some(mine) = collected {
            mine.pending.push(pending);
        }
    });
}
