//! A flow and its tests: `cargo test --example tested`.
use std::process::ExitCode;

use prefect::prelude::*;

#[task(max_retries = 3, retry_delay = "1h")]
fn temperature(city: &str) -> Result<i32, TaskError> {
    // Stands for a server that is asked.
    if city == "Oslo" { Ok(4) } else { Err(format!("{city} does not answer").into()) }
}

#[task(state_handlers = [slack_notifier(only_states = [Failed])])]
fn check(celsius: i32) -> Result<i32, String> {
    if celsius < -273 { Err(format!("{celsius} °C is colder than can be")) } else { Ok(celsius) }
}

#[prefect::flow(name = "weather")]
fn weather(#[default("Oslo".to_owned())] city: String) -> i32 {
    check(temperature(city))
}

fn main() -> ExitCode {
    prefect::main(weather::flow())
}

#[cfg(test)]
mod tests {
    use prefect::testing::TestRun;

    use super::*;

    #[test]
    fn the_temperature_comes_through() {
        let run = TestRun::of(&weather::flow()).given("temperature", 21).run();
        assert_eq!(run.output().unwrap(), 21);
        assert!(run.notifications().is_empty(), "{run}");
    }

    #[test]
    fn nonsense_is_told() {
        let run = TestRun::of(&weather::flow()).given("temperature", -300).run();
        run.assert_ended(Failed);
        assert_eq!(run.notifications()[0].message(), "```-300 °C is colder than can be```");
    }

    #[test]
    fn a_server_that_is_down_is_asked_for_three_hours() {
        let run = TestRun::of(&weather::flow()).failing("temperature", "503").run();
        run.assert_state("check", TriggerFailed);
        assert_eq!(run.attempts("temperature"), 4);
        assert_eq!(run.flow_run().duration().as_secs(), 3 * 3600);
    }
}
