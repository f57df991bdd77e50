//! A test kit for flows: virtual time, given results, recorded messages, and nothing of the machine.
//!
//! A [`TestRun`] runs a flow as [`Flow::run`](crate::Flow::run) does, with retries, handlers, triggers and notifiers, but:
//!
//! * time is virtual and starts at [`START`]: a retry delay of an hour takes no time;
//! * no configuration file and no environment variable of the machine is read, only what the test gives;
//! * messages of notifiers are kept instead of sent, whether or not there is a webhook;
//! * results are kept in the memory of the test instead of files and object stores, and the cache is its own;
//! * tasks run one after the other, and what is random is drawn from a fixed seed: each run is like the one before;
//! * every result is kept, every state change and every log line.
//!
//! What is left of it is a [`Recording`], whose text is a table of the tasks.
//!
//! ```
//! use prefect::prelude::*;
//! use prefect::testing::TestRun;
//!
//! #[task]
//! fn download() -> Vec<u32> {
//!     unimplemented!("asks a server")
//! }
//! #[task(max_retries = 2, retry_delay = "1h", state_handlers = [slack_notifier(only_states = [Failed])])]
//! fn load(rows: &[u32]) -> Result<usize, String> {
//!     if rows.is_empty() { Err("no rows".to_owned()) } else { Ok(rows.len()) }
//! }
//!
//! let flow = flow!("etl", { load(download()) });
//! let run = TestRun::of(&flow).given("download", vec![1_u32, 2]).run();
//! assert_eq!(run.result::<usize>("load"), 2);
//!
//! let run = TestRun::of(&flow).given("download", Vec::<u32>::new()).run();
//! run.assert_ended(Failed);
//! assert_eq!(run.attempts("load"), 3);
//! assert_eq!(run.flow_run().duration().as_secs(), 2 * 3600);
//! assert_eq!(run.notifications().len(), 3); // one for each attempt
//! assert_eq!(run.notifications()[0].text(), "load is now in a Failed state");
//! ```
mod given;
mod kept;
mod log_lines;
mod record;
mod recording;
mod rehearsal;
mod table;
mod test_run;
mod which;

pub use log_lines::LogLine;
pub use record::{Notification, StateChange};
pub use recording::Recording;
pub use test_run::{START, TestRun};
pub use which::{Gives, Which};
