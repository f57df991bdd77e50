//! What stays outside: the machine's configuration and environment, the network, other tests.
use std::thread;

use prefect::prelude::*;
use prefect::testing::TestRun;
use prefect::{Config, EnvVarSecret, Secret};

use crate::{double, nightly, total};

#[task]
fn read_secret(name: &str) -> Option<String> {
    Secret::new(name).get_as().ok()
}

#[task]
fn read_variable(name: &str) -> Option<String> {
    EnvVarSecret::new(name).get().map(|secret| secret.expose().to_owned())
}

/// Cargo sets this one for every test.
const SET: &str = "CARGO_MANIFEST_DIR";

#[test]
fn the_environment_of_the_process_is_not_seen() {
    let flow = flow!("reads", { read_variable(SET) });
    assert!(flow.run().output().unwrap().is_some());
    assert_eq!(TestRun::of(&flow).run().output().unwrap(), None);
    assert_eq!(TestRun::of(&flow).env(SET, "given").run().output().unwrap().as_deref(), Some("given"));
}

/// The one test that looks at a file reads it in a process of its own, so that no other test sees the variable.
#[test]
fn files_are_not_read() {
    const CHILD: &str = "PREFECT_TEST_IS_THE_CHILD";
    if std::env::var_os(CHILD).is_some() {
        assert!(Config::load().unwrap().secret_text("FROM_FILE").is_some());
        let flow = flow!("reads", { read_secret("FROM_FILE") });
        assert_eq!(flow.run().output().unwrap().as_deref(), Some("seen"));
        assert_eq!(TestRun::of(&flow).run().output().unwrap(), None);
        let run = TestRun::of(&flow!("one", { double(1) })).failing("double", "no").run();
        assert_eq!(run.attempts("double"), 1, "the file asks for five retries");
        return;
    }
    let folder = std::env::temp_dir().join(format!("prefect-hermetic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("config.toml");
    std::fs::write(&file, "[context.secrets]\nFROM_FILE = \"seen\"\n[tasks.defaults]\nmax_retries = 5\n").unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hermetic::files_are_not_read"])
        .envs([(CHILD, "1".as_ref()), ("PREFECT__USER_CONFIG_PATH", file.as_os_str())])
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}

#[test]
fn the_settings_of_a_flow_are_not_used() {
    let config = Config::builder().secret("TOKEN", "theirs").build().unwrap();
    let flow = flow!("reads", { read_secret("TOKEN") }).with(prefect::RunSettings::new().config(config));
    assert_eq!(flow.run().output().unwrap().as_deref(), Some("theirs"));
    assert_eq!(TestRun::of(&flow).run().output().unwrap(), None);
    assert_eq!(TestRun::of(&flow).secret("TOKEN", "ours").run().output().unwrap().as_deref(), Some("ours"));
}

/// A body that runs a flow of its own: that one has a webhook that would be asked, were it not for the test.
#[test]
fn a_flow_that_a_body_runs_sends_nothing_either() {
    #[task]
    fn outer() -> String {
        flow!("inner", { total(vec![1, 2]) }).run().notifications().to_string()
    }
    let url = prefect::fake_slack::FakeSlack::refused_url();
    let run = TestRun::of(&flow!("outer", { outer() })).secret("ONCALL", url).run();
    assert_eq!(run.output().unwrap(), "notifications: 2 sent");
    assert_eq!(run.notifications().len(), 2);
}

#[test]
fn test_runs_side_by_side_keep_to_themselves() {
    let flow = nightly::flow();
    thread::scope(|scope| {
        for n in 1..=8_u32 {
            let flow = &flow;
            scope.spawn(move || {
                let run = TestRun::of(flow)
                    .given("download", vec![n])
                    .secret("ONCALL", format!("http://127.0.0.1/{n}"))
                    .run();
                assert_eq!(run.output().unwrap(), 2 * n);
                assert_eq!(run.notifications().len(), 2, "{run}");
                let ends = run.logs().iter().filter(|line| line.text.contains("Finished task run"));
                assert_eq!(ends.count(), 4, "page, double, double[0], total");
            });
        }
    });
}
