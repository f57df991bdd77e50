//! Where the crate `prefect` records its runs.
//!
//! Data in, data out: states are [small numbers](StateCode), results bytes, graphs and parameters text. This crate knows
//! nothing of the rest of the workspace.
//!
//! * [`Store::open`] opens an SQLite database (or makes it; with the feature `postgres` also a schema on a PostgreSQL server), [`Store::open_read_only`] is for who only looks.
//! * [`Store::begin`] records a new run and [`Store::claim`] takes one that nobody has: both give an [`OwnedRun`].
//! * [`OwnedRun::record`] and [`OwnedRun::record_run`] record changes of state and do not wait. A change has a [`Position`];
//!   changes are committed in order, many at a time. [`OwnedRun::on_commit`] tells how far they are, [`OwnedRun::wait`] waits.
//! * [`OwnedRun::log`] records a log line, and [`Store::logs`] reads them.
//! * [`Store::cancel`] asks for the end of a run, and [`OwnedRun::on_cancel`] tells its owner.
//! * [`Store::reap`] finds runs whose process is gone.
//! * [`Store::prune`] removes old runs, [`Store::backup`] copies a store that is in use.
//! * [`Store::take_slots`] takes places of what is limited, [`Store::give_back`] gives them back.
//! * [`Store::take_notifications`] and [`Store::mark`] are for who sends what was recorded to be sent.
//! * [`Store::begin_tick`] begins a run for a moment of a schedule, one whoever asks; [`Store::pause_schedule`] holds all up.
//! * [`Store::put_secrets`] and those beside it keep secrets that were [sealed](SealedSecret) elsewhere.
//! * The rest of [`Store`] reads.
//!
//! What is promised:
//!
//! * A change is recorded only if it follows from what the store has (compare-and-set), and only by the run's owner.
//! * State, result and notifications of a change are one transaction. What is recorded of a run is a prefix of what happened.
//! * Nothing is lost in silence: who records hears of the commit, or that the run is [lost](Lost).
//!
//! ```
//! use prefect_store::{FlowChange, Micros, NewRun, Options, RecordedGraph, StateCode, Store, StoreUrl, TaskChange};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
//! let run = store
//!     .begin(NewRun {
//!         flow: "etl".into(),
//!         name: "brave-otter".into(),
//!         parameters: "{}".into(),
//!         graph: RecordedGraph { hash: vec![1], text: "extract".into(), slugs: vec!["extract-1".into()] },
//!         state: StateCode::RUNNING,
//!         at: Micros(1),
//!     })
//!     .unwrap();
//! run.record(TaskChange::new(0, None, (StateCode::PENDING, StateCode::RUNNING), 1, 1, Micros(2)));
//! let done = TaskChange::new(0, None, (StateCode::RUNNING, StateCode::SUCCESS), 1, 2, Micros(3)).with_result(1, b"42".to_vec());
//! run.record(done);
//! let version = run.version() + 1;
//! let end = FlowChange { state: StateCode::SUCCESS, version, at: Micros(4), message: None, notifications: Vec::new() };
//! let position = run.record_run(end);
//! run.wait(position).unwrap();
//!
//! let row = store.run(&run.id().short().to_string()).unwrap();
//! assert_eq!((row.state, row.n_ok), (StateCode::SUCCESS, 1));
//! assert_eq!(store.result(row.id, 0, None).unwrap().unwrap().bytes, b"42");
//! ```
mod backend;
mod cancel;
mod change;
mod check;
mod clock;
mod error;
mod faults;
mod id;
mod location;
mod logs;
mod machine;
mod options;
mod outbox;
mod owned;
#[cfg(feature = "postgres")]
mod postgres;
mod presence;
mod prune;
mod rows;
mod schedules;
mod secrets;
mod slots;
mod sql;
mod sqlite;
mod state;
mod store;
mod texts;
mod url;
mod writer;

pub use cancel::{CancelRefused, Cancelled};
pub use change::{FlowChange, NewRun, RecordedGraph, StoredResult, TaskChange};
pub use check::Checkup;
pub use clock::{Clock, Micros};
pub use error::{Candidate, ClaimRefused, Denied, Found, Lost, LostReason, Owner, StoreError};
#[cfg(feature = "faults")]
#[doc(hidden)]
pub use faults::{Fault, Faults, Held};
pub use id::{NotAnId, RunId, ShortId};
pub use location::Location;
pub use logs::{LogFilter, LogLevel, LogLine, LogPage, LogsOf, RecordedLine};
#[doc(hidden)]
pub use machine::Machine;
pub use options::Options;
pub use outbox::{
    Arrival, DOUBTFUL_TRIES, Fate, Listed, Mark, Message, Notification, NotificationRef, NotificationRow,
    NotificationStatus, TRIES, Tickets, ToSend, Wanted,
};
pub use owned::{OwnedRun, Position};
pub use prune::{Prunable, Prune, PruneStep, Pruned};
pub use rows::{Epoch, Reaped, RunFilter, RunInput, RunRow, TaskKey, TaskRow, Transition};
pub use schedules::{DecidedTick, IfBusy, PauseChange, ScheduleRow, ScheduleSeen, Tick, TickAnswer};
pub use secrets::{Existing, Resealed, SealedSecret, SecretsChange};
pub use slots::{Full, SlotOwner, SlotRow, Slots, SlotsWanted, Taking};
pub use state::StateCode;
pub use store::{GoesOnWith, Parked, Store};
pub use url::{BadStoreUrl, StoreUrl};

/// The version of the tables that this release makes: a store of a newer one is refused, one of an older one brought up to it.
pub const TABLES_VERSION: i64 = sqlite::VERSION;

/// How often a run may lose its process before it is put aside: see [`ClaimRefused::Parked`].
pub const CRASHES_UNTIL_PARKED: u32 = 3;
