//! Notifications that are to be sent.
use super::Store;
use crate::writer::{Request, Writer};
use crate::{Listed, Mark, NotificationRow, StoreError, ToSend, Wanted};

impl Store {
    /// Notifications, the oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn notifications(&self, listed: Listed) -> Result<Vec<NotificationRow>, StoreError> {
        self.0.readers.notifications(listed)
    }

    /// For whom notifications wait that are due: their services, and to whom those send.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn due_notifications(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.0.readers.due_notifications(self.0.options.clock.now())
    }

    /// Gives this process notifications that nobody has, to send them. It says what became of them by [`mark`](Self::mark);
    /// those of which it says nothing wait again when it ends.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is taken then.
    pub fn take_notifications(&self, wanted: Wanted) -> Result<Vec<ToSend>, StoreError> {
        self.0.call(move |writer| writer.take_notifications(&wanted))?
    }

    /// Says what became of notifications that this process had. Does not wait: what comes while the writer is busy is one
    /// transaction. What is not written when this process ends is sent once more by another one.
    pub fn mark(&self, marks: Vec<Mark>) {
        self.0.queue.request(Request::Mark(marks));
    }

    /// Waits until all is written that was [marked](Self::mark) before.
    ///
    /// # Errors
    ///
    /// If it cannot be: then those notifications are sent once more by another process.
    pub fn wait_for_marks(&self) -> Result<(), StoreError> {
        self.0.call(Writer::write_marks)?
    }
}
