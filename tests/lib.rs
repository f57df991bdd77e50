//! What the tests of the workspace share.
pub mod logs;
pub mod mistakes;
pub mod records;
pub mod seen;
