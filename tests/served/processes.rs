//! Two processes serve one store, and are killed and stopped at random, around the ends of their leases: each tick has
//! exactly one run. `SERVED_TICKS=1000` is the long form, `SERVED_SEED` one that was seen before.
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use prefect::schedule::{CatchUp, Overlap};
use prefect::store::{Micros, StateCode};
use rustix::process::{Pid, Signal, kill_process};

use super::*;

const TICK: Duration = Duration::from_millis(150);
const LEASE: Duration = Duration::from_millis(300);
/// So long a run takes at most.
const TAKES: u64 = 400;

fn schedule(end: Timestamp) -> Schedule {
    let clock = IntervalClock::new(TICK).unwrap().end_date(end).unwrap();
    Schedule::new(clock).catch_up(CatchUp::All).overlap(Overlap::AllowAll)
}

/// What each process does: it serves until there are no more ticks.
#[test]
#[ignore = "what the other test starts"]
fn process() {
    let Some(path) = std::env::var_os("STORE") else { return };
    let text = |name: &str| std::env::var(name).unwrap();
    let effects = text("EFFECTS");
    let flow = flow_of("ticks", move || {
        let tick = context().scheduled_start_time().unwrap();
        let mut file = OpenOptions::new().create(true).append(true).open(&effects).unwrap();
        // In one write: others may be at it.
        file.write_all(format!("{tick}\n").as_bytes()).unwrap();
        let takes = u64::try_from(tick.as_millisecond() / 150).unwrap() * 7919 % TAKES;
        std::thread::sleep(Duration::from_millis(takes));
    });
    let flow = flow.schedule(schedule(at(&text("END"))));
    let store = Store::open(&StoreUrl::sqlite(PathBuf::from(path)), Options::default().lease(LEASE)).unwrap();
    let reaps = store.clone();
    // More often than who serves does: all of this takes a minute, and not an hour.
    std::thread::spawn(move || {
        loop {
            let _ = reaps.reap();
            std::thread::sleep(LEASE / 2);
        }
    });
    let scheduler = Scheduler::new(store).flow(&flow).on_event(|event| println!("> {event}"));
    assert!(scheduler.serve().unwrap().broken.is_empty());
    println!("> over");
}

struct Server {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    stopped: bool,
}

impl Server {
    fn start(folder: &Folder, end: Timestamp) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::process", "--ignored", "--nocapture"]);
        command.env("STORE", folder.path()).env("EFFECTS", folder.0.path().join("effects")).env("END", end.to_string());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, lines, said: Vec::new(), stopped: false }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it has come to its end by itself.
    fn is_over(&mut self) -> bool {
        self.said.extend(self.lines.try_iter());
        self.said.iter().any(|line| line == "> over")
    }

    /// Waits for that.
    fn end(mut self) {
        while !self.is_over() {
            match self.lines.recv_timeout(Duration::from_mins(2)) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Disconnected) if self.is_over() => {}
                Err(error) => panic!("{error}: {:#?}", self.said),
            }
        }
        assert!(self.child.wait().unwrap().success());
    }
}

/// Numbers that are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[test]
fn each_tick_has_one_run_though_processes_are_killed_and_stopped() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed =
        number("SERVED_SEED").unwrap_or_else(|| u64::try_from(Timestamp::now().as_nanosecond() % 1_000_000).unwrap());
    let ticks = number("SERVED_TICKS").unwrap_or(150);
    println!("SERVED_SEED={seed} SERVED_TICKS={ticks}");
    let mut random = Random(seed);
    let folder = Folder::new();
    let end = Timestamp::now() + TICK * u32::try_from(ticks).unwrap();
    let mut servers = [Server::start(&folder, end), Server::start(&folder, end)];
    let (mut kills, mut stops) = (0, 0);
    while Timestamp::now() < end {
        let server = &mut servers[usize::try_from(random.below(2)).unwrap()];
        match random.below(3) {
            _ if server.stopped => {
                server.stopped = false;
                server.signal(Signal::CONT);
            }
            0 => {
                kills += 1;
                std::mem::replace(server, Server::start(&folder, end)).kill();
            }
            _ => {
                stops += 1;
                server.stopped = true;
                server.signal(Signal::STOP);
            }
        }
        // From less than a lease to several of them.
        std::thread::sleep(LEASE * u32::try_from(random.below(8)).unwrap() / 2);
    }
    for server in &servers {
        server.signal(Signal::CONT);
    }
    servers.into_iter().for_each(Server::end);

    let store = folder.store();
    store.reap().unwrap();
    let since = store.schedule("ticks", Micros(i64::MAX)).unwrap().unwrap().since;
    let since = Timestamp::from_microsecond(since.0).unwrap();
    let expected: Vec<_> = schedule(end).events(since).map(|event| event.timestamp().as_microsecond()).collect();
    let mut decided = store.ticks("ticks", 1_000_000).unwrap();
    decided.reverse();
    let moments: Vec<_> = decided.iter().map(|tick| tick.at.0).collect();
    assert_eq!(moments, expected, "SERVED_SEED={seed}");
    let of_ticks = counts(decided.iter().map(|tick| tick.run.as_ref().expect("each tick has a run").0.to_string()));
    assert!(of_ticks.values().all(|count| *count == 1), "SERVED_SEED={seed}: {of_ticks:?}");
    let recorded = runs(&store);
    assert_eq!(recorded.len(), expected.len(), "SERVED_SEED={seed}");
    let states = counts(recorded.iter().map(|run| run.state));
    println!("{kills} kills, {stops} stops, {states:?}");
    // A stopped process finds its runs taken from it, and what it writes late is refused.
    assert!(states.keys().all(|state| [StateCode::SUCCESS, StateCode::CRASHED].contains(state)), "{states:?}");
    assert!(recorded.iter().all(|run| run.owner.is_none()));
    let effects = std::fs::read_to_string(folder.0.path().join("effects")).unwrap();
    let effects = counts(effects.lines().map(at).map(Timestamp::as_microsecond));
    assert!(effects.values().all(|count| *count == 1), "SERVED_SEED={seed}: {effects:?}");
    let without = expected.iter().filter(|tick| !effects.contains_key(tick)).count();
    assert!(
        without <= states.get(&StateCode::CRASHED).copied().unwrap_or(0),
        "SERVED_SEED={seed}: {without} without effects"
    );
    assert!(kills > 0 && stops > 0, "{kills} kills, {stops} stops");
}
