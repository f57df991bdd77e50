//! Schemas are PostgreSQL's: here there is none.
use std::path::PathBuf;

/// None.
pub enum Schema {}

impl Schema {
    pub fn new() -> Option<Self> {
        None
    }

    pub fn url(&self) -> String {
        match *self {}
    }

    pub fn connect(&self) -> postgres::Client {
        match *self {}
    }

    pub fn locks(&self) -> PathBuf {
        match *self {}
    }
}
