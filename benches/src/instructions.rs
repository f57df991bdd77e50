//! Instructions for each task, as valgrind counts them: the same on a busy machine as on an idle one.
use std::env;
use std::process::Command;

use crate::sample::{Case, float};
use crate::systems::System;
use crate::workload::Workload;

/// The difference between these two is divided by the difference in tasks, so that what a process costs falls out.
const SIZES: [usize; 2] = [5_000, 15_000];

pub(crate) fn is_there() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions for each task, of all threads, with the check of the result.
pub(crate) fn a_task(system: System, workload: Workload) -> Result<f64, String> {
    let [small, large] = SIZES;
    let count = |n| count(Case { workload, n, system });
    Ok((count(large)? - count(small)?) / float(large - small))
}

fn count(case: Case) -> Result<f64, String> {
    let program = env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(case.arguments());
    let output = valgrind.output().map_err(|error| format!("valgrind does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // A line such as `==1== Collected : 123456`.
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok()).filter(|_| output.status.success());
    count.ok_or_else(|| format!("valgrind does not count {case}: {said}"))
}
