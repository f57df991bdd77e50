//! One measurement: a system runs a workload once, in a process of its own.
use std::env;
use std::fmt;
use std::fs;
use std::mem;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::systems::{Finished, System};
use crate::workload::Workload;

/// A system, a workload and its N.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) workload: Workload,
    pub(crate) n: usize,
    pub(crate) system: System,
}

/// What building a graph and running it took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) tasks: usize,
    /// Of all threads, in user code and in the kernel.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// The most memory that the process had, its program included.
    pub(crate) peak_kb: f64,
}

impl Case {
    /// Measures in this process, which has done nothing before. Panics if the result is wrong.
    pub(crate) fn measure(self) -> Sample {
        let (cpu, wall) = (cpu(), Instant::now());
        let Finished { output, tasks, kept } = self.system.run(self.workload, self.n);
        let sample = Sample { tasks, wall: wall.elapsed(), cpu: self::cpu().saturating_sub(cpu), peak_kb: peak_kb() };
        // The process ends here.
        mem::forget(kept);
        assert_eq!(output, self.workload.expected(self.n), "{} gives a wrong number in {}", self.system, self.workload);
        sample
    }

    /// How this program is told to measure it.
    pub(crate) fn arguments(self) -> [String; 4] {
        ["one".into(), self.system.to_string(), self.workload.to_string(), self.n.to_string()]
    }

    /// Measures in a process of its own.
    pub(crate) fn spawn(self) -> Result<Sample, String> {
        let program = env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
        let output = Command::new(program).args(self.arguments()).output();
        let output = output.map_err(|error| format!("{self} does not start: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{self} ends with {}: {said}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{self} prints no sample: {error}"))
    }
}

impl Sample {
    pub(crate) fn cpu_us_a_task(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / float(self.tasks)
    }

    pub(crate) fn bytes_a_task(&self) -> f64 {
        self.peak_kb * 1024.0 / float(self.tasks)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.system, self.workload, self.n)
    }
}

/// Counts here stay below 2^32.
pub(crate) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Not from `getrusage`, whose maximum a process takes over from its parent.
fn peak_kb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    line.split_whitespace().next().and_then(|kb| kb.parse().ok()).unwrap_or(f64::NAN)
}
