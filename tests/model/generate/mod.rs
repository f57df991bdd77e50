//! Cases from a seed: small numbers, so that rules meet each other often.
//!
//! A case grows by one [shape](shapes) at a time: a task, a mapped one, a choice between branches, a resource. A new kind
//! of thing that a flow can have is one more of them.
mod keeping;
mod options;
mod random;
mod shapes;

use super::{
    Act, Case, Custom, Flow, Handler, Kind, Mode, NewState, Occasion, Outcome, Raise, SignalName, Task, Terminal,
    Trigger,
};
use options::end_kind;
use random::Random;
use shapes::Growing;

/// No case has more tasks than this.
pub const MOST: usize = 36;

/// The case of a seed.
pub fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    // Half of the cases are small: they are the ones that people read.
    let most = if random.percent(50) { 6 } else { 30 };
    let size = random.below(most + 1);
    let mut growing = Growing::default();
    while growing.tasks.len() < size {
        growing.shape(&mut random);
    }
    let tasks = growing.tasks;
    let flow = flow(tasks.len(), &mut random);
    // Nobody resumes what pauses, so a run to the end would have none.
    let pauses = tasks.iter().any(can_pause);
    let mode = if pauses || random.percent(15) { Mode::Once } else { Mode::Run };
    let mut case = Case { mode, tasks, flow, keep_all: random.percent(60), runs: vec![Occasion::default()] };
    if random.percent(35) {
        keeping::add(&mut case, &mut random);
    }
    case
}

/// Whether a task may end up Paused.
pub fn can_pause(task: &Task) -> bool {
    let pauses = |raise: &Raise| matches!(raise.signal, SignalName::Pause | SignalName::EndRun(Kind::Paused));
    task.trigger == Trigger::ManualOnly
        || matches!(&task.trigger, Trigger::Custom(Custom::Signal(raise)) if pauses(raise))
        || task
            .outcomes()
            .any(|outcome| outcome.may(|outcome| matches!(outcome, Outcome::Signal(raise) if pauses(raise))))
        || task.handlers.iter().any(|handler| match &handler.act {
            Act::Signal(raise) => pauses(raise),
            Act::Replace(new) => new.kind == Kind::Paused,
            _ => false,
        })
}

fn flow(size: usize, random: &mut Random) -> Flow {
    let ended = |random: &mut Random| NewState { kind: end_kind(random), message: random.message(), value: None };
    let mut handlers = Vec::new();
    if random.percent(25) {
        for _ in 0..=random.below(2) {
            // Seldom on Running: no task runs then.
            let on = random.pick(&[Kind::Success, Kind::Success, Kind::Failed, Kind::Failed, Kind::Failed]);
            let on = if random.percent(8) { Kind::Running } else { on };
            let act = match random.below(10) {
                0..3 => Act::Pass,
                3 => Act::Nothing,
                4..8 => Act::Replace(ended(random)),
                8 => Act::Error(random.text()),
                _ => Act::Panic(random.text()),
            };
            handlers.push(Handler { on: Some(on), times: 1, act });
        }
    }
    let reference = (size > 0 && random.percent(25)).then(|| {
        let some = 1 + random.below(3);
        let mut tasks: Vec<usize> = (0..some).map(|_| random.below(size)).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    });
    let terminal = random.percent(12).then(|| match random.below(3) {
        0 => Terminal::Nothing,
        1 => Terminal::Message("changed".to_owned()),
        _ => Terminal::Replace(ended(random)),
    });
    Flow { handlers, on_failure: random.percent(20), reference_tasks: reference, terminal }
}
