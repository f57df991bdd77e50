//! What the engine costs when bodies do nothing: `cargo run --release --example workloads -- w1 100000`.
//!
//! * `w1`: a chain of N tasks.
//! * `w2`: one source, N tasks that read it, and one that reads those N.
//! * `w3`: N/100 layers of 100 tasks, each reading three of the layer before. `w7` is the same, for a large N.
//! * `w4`: N independent tasks and one that reads them all. `w5`: each computes for about 1 ms. `w6`: each waits 100 ms.
//! * `map`: a task mapped over N numbers, and one that reads its children.
//!
//! Prints `prefect,workload,N,NODES,build_us,run_us,us,cpu_us,peak_rss_mb,run_s,ok`: wall microseconds for each task to
//! build, to run, both; CPU microseconds of both; peak memory; seconds of the run; whether the sum was right.
#![allow(clippy::many_single_char_names, reason = "the names of the workloads' own description")]
use std::hint::black_box;
use std::time::{Duration, Instant};

use prefect::prelude::*;
use rustix::time::{ClockId, clock_gettime};

#[task]
fn start() -> i64 {
    1
}

#[task]
fn next(a: i64) -> i64 {
    a.wrapping_add(1)
}

#[task]
fn three(a: i64, b: i64, c: i64) -> i64 {
    a.wrapping_add(b).wrapping_add(c).wrapping_add(1)
}

#[task]
fn all(numbers: &[i64]) -> i64 {
    numbers.iter().fold(1, |sum, x| sum.wrapping_add(*x))
}

#[task]
fn spin() -> i64 {
    let mut x = 1_u64;
    for i in 0..750_000 {
        x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i));
    }
    black_box(x);
    1
}

#[task]
async fn wait() -> i64 {
    prefect::sleep(Duration::from_millis(100)).await;
    1
}

/// One task that reads these, and what it must give if each of them gives `x`.
fn sum(nodes: Vec<Node<i64>>, x: i64) -> (Node<i64>, i64) {
    let count = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    (all(nodes), count * x + 1)
}

fn layers(n: usize) -> (Node<i64>, i64) {
    let width = 100.min(n);
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        usize::try_from(x % 1_000_003).unwrap_or(0)
    };
    let mut layer: Vec<(Node<i64>, i64)> = (0..width).map(|_| (start(), 1)).collect();
    for _ in 1..(n / width).max(1) {
        layer = (0..width)
            .map(|_| {
                let [(a, x), (b, y), (c, z)] = [(); 3].map(|()| layer[random() % width]);
                (three(a, b, c), x.wrapping_add(y).wrapping_add(z).wrapping_add(1))
            })
            .collect();
    }
    let expected = layer.iter().fold(1_i64, |sum, (_, x)| sum.wrapping_add(*x));
    (all(layer.into_iter().map(|(node, _)| node).collect::<Vec<_>>()), expected)
}

fn build(workload: &str, n: usize) -> (Node<i64>, i64) {
    match workload {
        "w1" => (1..n).fold((start(), 1), |(node, sum), _| (next(node), sum + 1)),
        "w2" => {
            let source = start();
            sum((0..n).map(|_| next(source)).collect(), 2)
        }
        "w3" | "w7" => layers(n),
        "w4" => sum((0..n).map(|_| start()).collect(), 1),
        "w5" => sum((0..n).map(|_| spin()).collect(), 1),
        "w6" => sum((0..n).map(|_| wait()).collect(), 1),
        "map" => {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            (all(next::map(0..n)), n * (n + 1) / 2 + 1)
        }
        _ => panic!("there is no workload `{workload}`: w1 to w7, and map"),
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(workload), Some(n)) = (arguments.next(), arguments.next().and_then(|n| n.parse().ok())) else {
        eprintln!("usage: workloads W N, with W one of w1 to w7, or map");
        std::process::exit(2);
    };
    let (cpu_before, before) = (cpu(), Instant::now());
    let mut expected = 0;
    let flow = flow!("workload", {
        let (node, sum) = build(&workload, n);
        expected = sum;
        node
    });
    let built = before.elapsed();
    let before = Instant::now();
    let run = flow.run();
    let ran = before.elapsed();
    let used = cpu().saturating_sub(cpu_before);
    let ok = run.output().is_ok_and(|sum| sum == expected);
    let children = if workload == "map" { n } else { 0 };
    let tasks = run.task_runs().count() + children;
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let each = |time: Duration| time.as_secs_f64() * 1e6 / tasks as f64;
    println!(
        "prefect,{workload},{n},{tasks},{:.3},{:.3},{:.3},{:.3},{:.1},{:.3},{ok}",
        each(built),
        each(ran),
        each(built + ran),
        each(used),
        peak_mb(),
        ran.as_secs_f64(),
    );
    if !ok {
        std::process::exit(1);
    }
}
