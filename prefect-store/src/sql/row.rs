//! What a query gives.
use std::fmt;

use crate::{Epoch, Location, Micros, RunId, StoreError};

/// A value in a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of what a query gives. Each column is taken out of it once.
#[derive(Debug)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

/// A column that does not hold what this release writes there.
#[derive(Debug, PartialEq)]
pub(crate) struct Mismatch {
    column: usize,
    found: String,
}

impl Row {
    /// Takes a column, counted from 0.
    pub(crate) fn take<T: FromCell>(&mut self, column: usize) -> Result<T, Mismatch> {
        let cell = self.0.get_mut(column).map_or(Cell::Null, |cell| std::mem::replace(cell, Cell::Null));
        T::from_cell(cell).map_err(|found| Mismatch { column, found: found.kind().to_owned() })
    }
}

impl Cell {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "a number that does not fit",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes that do not fit",
        }
    }
}

impl Mismatch {
    pub(crate) fn at(&self, location: &Location) -> StoreError {
        StoreError::Corrupt { at: location.clone(), reason: self.to_string() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row holds {} in column {}", self.found, self.column + 1)
    }
}

/// What can be taken out of a row. Gives the cell back if it is another thing.
pub(crate) trait FromCell: Sized {
    fn from_cell(cell: Cell) -> Result<Self, Cell>;
}

impl FromCell for i64 {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        match cell {
            Cell::Int(number) => Ok(number),
            other => Err(other),
        }
    }
}

/// Numbers that are kept as larger ones.
macro_rules! smaller {
    ($($number:ty),*) => {$(
        impl FromCell for $number {
            fn from_cell(cell: Cell) -> Result<Self, Cell> {
                match cell {
                    Cell::Int(number) => Self::try_from(number).map_err(|_| cell),
                    other => Err(other),
                }
            }
        }
    )*};
}
smaller!(u8, u32, u64);

impl FromCell for String {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        match cell {
            Cell::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        match cell {
            Cell::Bytes(bytes) => Ok(bytes),
            other => Err(other),
        }
    }
}

impl FromCell for [u8; 16] {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        match cell {
            Cell::Bytes(bytes) => Self::try_from(bytes).map_err(Cell::Bytes),
            other => Err(other),
        }
    }
}

impl FromCell for RunId {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        FromCell::from_cell(cell).map(Self::from_bytes)
    }
}

impl FromCell for Micros {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        FromCell::from_cell(cell).map(Self)
    }
}

impl FromCell for Epoch {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        FromCell::from_cell(cell).map(Self)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell) -> Result<Self, Cell> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}
