//! The command line `prefect`: looks at recorded runs and at settings, which needs no flow.
use std::process::ExitCode;

fn main() -> ExitCode {
    prefect::__private::stand_alone()
}
