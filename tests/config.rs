//! Configuration, secrets and redaction.
#[path = "config/files.rs"]
mod files;
#[path = "config/hostile.rs"]
mod hostile;
#[path = "config/mistakes.rs"]
mod mistakes;
#[path = "config/redaction.rs"]
mod redaction;
#[path = "config/values.rs"]
mod values;

use prefect::{Config, ConfigError};

/// The configuration of a file alone.
fn of_file(text: &str) -> Result<Config, ConfigError> {
    Config::builder().user_config(text).build()
}

/// The configuration of environment variables alone.
fn of_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::builder().environment(variables.iter().copied()).build()
}

fn warnings(config: &Config) -> Vec<String> {
    config.warnings().iter().map(ToString::to_string).collect()
}
