//! What a flow grows by.
use std::collections::BTreeMap;

use super::super::{Body, Carries, Edge, Outcome, Patience, Reads, RetryOn, Role, Script, Takes, Task, Trigger, Val};
use super::options::{handler, outcomes, trigger};
use super::random::Random;

/// What a task gives when it ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    Number,
    List,
    Lists,
    Truth,
    Unit,
}

/// A flow that is not finished yet.
#[derive(Default)]
pub(super) struct Growing {
    pub(super) tasks: Vec<Task>,
    /// What each of them gives; a mapped task, what each child gives.
    gives: Vec<Gives>,
}

impl Growing {
    /// One more task, or a few that belong together.
    pub(super) fn shape(&mut self, random: &mut Random) {
        match random.below(100) {
            0..10 => {
                self.list(random);
            }
            10..34 => {
                self.mapped(random);
            }
            34..41 => self.case(random),
            41..45 => self.ifelse(random),
            45..49 => {
                self.merge(Vec::new(), random);
            }
            49..52 => self.resource(random),
            52..55 => self.filter(random),
            _ => {
                self.plain(random);
            }
        }
    }

    fn add(&mut self, edges: Vec<Edge>, body: Body, gives: Gives) -> usize {
        let i = self.tasks.len();
        self.tasks.push(Task::new(format!("t{i}"), edges, body));
        self.gives.push(gives);
        i
    }

    /// An earlier task: near ones mostly, so that chains grow long.
    fn earlier(&self, random: &mut Random) -> Option<usize> {
        let i = self.tasks.len();
        (i > 0).then(|| if random.percent(60) { i - 1 - random.below(i.min(4)) } else { random.below(i) })
    }

    /// An earlier task that is as wished, if there is one: the last of them mostly.
    fn like(&self, random: &mut Random, wished: impl Fn(&Task, Gives) -> bool) -> Option<usize> {
        let fits = |i: &usize| wished(&self.tasks[*i], self.gives[*i]);
        let all: Vec<usize> = (0..self.tasks.len()).filter(fits).collect();
        match all.len() {
            0 => None,
            n if random.percent(60) => Some(all[n - 1 - random.below(n.min(2))]),
            _ => Some(random.pick(&all)),
        }
    }

    fn edges(&self, random: &mut Random) -> Vec<Edge> {
        let mut edges = Vec::new();
        if random.percent(85) {
            for _ in 0..=random.below(3) {
                let Some(from) = self.earlier(random) else { break };
                let carries = match random.below(100) {
                    0..66 => Carries::Data,
                    66..70 if !reads(&edges, from) => Carries::Flat,
                    _ => Carries::Order,
                };
                edges.push(Edge { from, carries });
            }
        }
        apart(&mut edges);
        edges
    }

    fn plain(&mut self, random: &mut Random) -> usize {
        let edges = self.edges(random);
        let body = Script::of(outcomes(Outcome::Linear { times: 1, plus: 1 }, random));
        let task = self.add(edges, body, Gives::Number);
        self.options(task, random);
        task
    }

    fn list(&mut self, random: &mut Random) -> usize {
        let edges = self.edges(random);
        let (ok, gives) = if random.percent(70) {
            (Outcome::List(random.below(5)), Gives::List)
        } else {
            (Outcome::Lists((0..random.below(4)).map(|_| random.below(4)).collect()), Gives::Lists)
        };
        let body = Script::of(outcomes(ok, random));
        let task = self.add(edges, body, gives);
        if random.percent(50) {
            self.options(task, random);
        }
        task
    }

    fn mapped(&mut self, random: &mut Random) -> usize {
        let mut edges: Vec<Edge> = if random.percent(50) { self.edges(random) } else { Vec::new() };
        edges.truncate(2);
        let mut over = Vec::new();
        for _ in 0..=random.below(2) {
            let list = |task: &Task, gives| !task.is_mapped() && gives == Gives::List;
            let lists = |task: &Task, gives| gives == if task.is_mapped() { Gives::List } else { Gives::Lists };
            let (from, carries) = match random.below(100) {
                0..36 => (self.like(random, list), Carries::Each),
                36..64 => (self.like(random, |task, _| task.is_mapped()), Carries::Each),
                64..76 => (self.like(random, lists), Carries::EachFlat),
                76..82 => (self.like(random, |_, gives| gives == Gives::Lists), Carries::EachList),
                // Whatever it gives.
                82..86 => (self.earlier(random), random.pick(&[Carries::Each, Carries::EachList, Carries::EachFlat])),
                _ => (None, Carries::Each),
            };
            match from {
                Some(from) if carries == Carries::Each || !reads(&edges, from) => {
                    edges.push(Edge { from, carries });
                }
                _ => over.push((0..random.below(5)).map(|_| i64::from(random.count(9))).collect()),
            }
        }
        apart(&mut edges);
        let (ok, gives) = match random.below(10) {
            0 | 1 => (Outcome::List(random.below(4)), Gives::List),
            2 | 3 => (Outcome::Index, Gives::Number),
            _ => (Outcome::Linear { times: 1, plus: 1 }, Gives::Number),
        };
        let calls = outcomes(ok.clone(), random);
        let mut of_child = BTreeMap::new();
        if random.percent(45) {
            for _ in 0..=random.below(2) {
                of_child.insert(random.below(4), outcomes(ok.clone(), random));
            }
        }
        let task = self.add(edges, Body::Own(Script { calls, of_child }), gives);
        self.tasks[task].over = over;
        self.options(task, random);
        task
    }

    /// A condition, and tasks that run only if it gives a certain number. Which of them wait for it is up to chance: they
    /// stand for `case` and for `switch`.
    fn case(&mut self, random: &mut Random) {
        let plain = |task: &Task, gives| !task.is_mapped() && gives == Gives::Number;
        let condition = if random.percent(92) { self.like(random, plain) } else { self.earlier(random) };
        let Some(condition) = condition else {
            self.plain(random);
            return;
        };
        let mut branches = Vec::new();
        for _ in 0..=random.below(2) {
            let compare = Body::Compare(i64::from(random.count(4)));
            let compare = self.add(vec![Edge { from: condition, carries: Carries::Data }], compare, Gives::Unit);
            self.watchers(compare, random);
            let first = self.tasks.len();
            for _ in 0..=random.below(2) {
                let task = if random.percent(20) { self.mapped(random) } else { self.plain(random) };
                let inside = self.tasks[task].edges.iter().any(|edge| edge.from >= first);
                if !inside && self.tasks[task].edges.len() < 4 {
                    self.tasks[task].edges.push(Edge { from: compare, carries: Carries::Order });
                }
            }
            branches.push(self.tasks.len() - 1);
        }
        if random.percent(50) {
            self.merge(branches, random);
        }
    }

    fn ifelse(&mut self, random: &mut Random) {
        let plain = |task: &Task, gives| !task.is_mapped() && gives == Gives::Number;
        let Some(condition) = self.like(random, plain) else {
            self.plain(random);
            return;
        };
        let (yes, no) = (self.plain(random), self.plain(random));
        let truth = self.add(vec![Edge { from: condition, carries: Carries::Data }], Body::AsBool, Gives::Truth);
        let mut branches = vec![];
        // A task waits for those before it, so the branches come behind what decides.
        for (from, is) in [(yes, true), (no, false)] {
            let edges = vec![Edge { from: truth, carries: Carries::Data }];
            let compare = self.add(edges, Body::CompareTruth(is), Gives::Unit);
            let body = Script::of(vec![Outcome::Linear { times: 1, plus: 2 }]);
            let edges = vec![Edge { from, carries: Carries::Data }, Edge { from: compare, carries: Carries::Order }];
            branches.push(self.add(edges, body, Gives::Number));
            self.watchers(compare, random);
        }
        self.merge(branches, random);
    }

    fn merge(&mut self, mut branches: Vec<usize>, random: &mut Random) -> usize {
        let more = if branches.is_empty() { 2 } else { random.below(2) };
        branches.extend((0..more).filter_map(|_| self.like(random, |task, _| !task.is_mapped())));
        branches.retain(|task| !self.tasks[*task].is_mapped());
        let edges = branches.into_iter().map(|from| Edge { from, carries: Carries::Data }).collect();
        let merge = self.add(edges, Body::Merge, Gives::Number);
        (self.tasks[merge].trigger, self.tasks[merge].skip_on_upstream_skip) = (Trigger::NotAllSkipped, false);
        self.watchers(merge, random);
        merge
    }

    fn filter(&mut self, random: &mut Random) {
        let mapped = |task: &Task, gives| task.is_mapped() && gives == Gives::Number;
        let list = |task: &Task, gives| !task.is_mapped() && gives == Gives::List;
        let from = if random.percent(70) { self.like(random, mapped) } else { self.like(random, list) };
        // Whatever it gives.
        let from = if random.percent(92) { from } else { self.earlier(random) };
        let Some(from) = from else {
            self.plain(random);
            return;
        };
        let least = Body::Filter(i64::from(random.count(4)));
        let filter = self.add(vec![Edge { from, carries: Carries::Data }], least, Gives::List);
        (self.tasks[filter].trigger, self.tasks[filter].skip_on_upstream_skip) = (Trigger::AllFinished, false);
        self.watchers(filter, random);
    }

    fn resource(&mut self, random: &mut Random) {
        let ok = Outcome::Linear { times: 1, plus: 1 };
        let edges = self.earlier(random).filter(|_| random.percent(40));
        let edges = edges.map(|from| Edge { from, carries: Carries::Order }).into_iter().collect();
        let manager = self.add(edges, Script::of(outcomes(ok.clone(), random)), Gives::Number);
        self.tasks[manager].role = Role::ResourceInit;
        let resource = Script::of(outcomes(ok.clone(), random));
        let resource = self.add(vec![Edge { from: manager, carries: Carries::Data }], resource, Gives::Number);
        let mut edges = [manager, resource].map(|from| Edge { from, carries: Carries::Data }).to_vec();
        for _ in 0..=random.below(2) {
            let user = self.plain(random);
            self.tasks[user].edges.push(Edge { from: resource, carries: Carries::Order });
            edges.push(Edge { from: user, carries: Carries::Order });
        }
        let cleanup = self.add(edges, Script::of(outcomes(Outcome::Returns(Val::Unit), random)), Gives::Unit);
        let task = &mut self.tasks[cleanup];
        (task.role, task.trigger, task.skip_on_upstream_skip) =
            (Role::ResourceCleanup, Trigger::ResourceCleanup, false);
        for task in [manager, resource, cleanup] {
            self.watchers(task, random);
        }
    }

    /// The options that any task may have.
    fn watchers(&mut self, task: usize, random: &mut Random) {
        let count = if random.percent(20) { 1 + random.below(2) } else { 0 };
        let task = &mut self.tasks[task];
        task.handlers = (0..count).map(|_| handler(random)).collect();
        task.on_failure = random.percent(15);
        task.watched = random.percent(50);
    }

    fn options(&mut self, task: usize, random: &mut Random) {
        let task = &mut self.tasks[task];
        (task.trigger, task.skip_on_upstream_skip, task.reads) = if random.percent(50) {
            let trigger = if random.percent(80) { Trigger::AllSuccessful } else { Trigger::NotAllSkipped };
            (trigger, true, Reads::Values)
        } else {
            let reads = random.pick(&[Reads::Outcomes, Reads::Outcomes, Reads::Outcomes, Reads::Both, Reads::Values]);
            (trigger(random), random.percent(50), reads)
        };
        if random.percent(40) {
            task.max_retries = 1 + random.count(2);
            task.retry_delay = random.count(3);
            task.retry_on = match random.below(100) {
                0..65 => RetryOn::Anything,
                65..92 => RetryOn::Containing(random.text()),
                _ => RetryOn::Panics(random.text()),
            };
        }
        let count = if random.percent(30) { 1 + random.below(3) } else { 0 };
        task.handlers = (0..count).map(|_| handler(random)).collect();
        task.on_failure = random.percent(15);
        task.watched = random.percent(50);
        task.takes = random.pick(&[Takes::Any, Takes::Any, Takes::Number]);
        task.patience = random.pick(&[Patience::Endless, Patience::Endless, Patience::Endless, Patience::Timeout]);
    }
}

fn reads(edges: &[Edge], from: usize) -> bool {
    edges.iter().any(|edge| edge.from == from)
}

/// Where the lists of a task are joined, no other edge leads there: how often its states count is then nobody's rule.
fn apart(edges: &mut Vec<Edge>) {
    let is_joined = |edge: &Edge| matches!(edge.carries, Carries::EachFlat | Carries::Flat);
    let joined: Vec<usize> = edges.iter().filter(|edge| is_joined(edge)).map(|edge| edge.from).collect();
    edges.retain(|edge| is_joined(edge) || !joined.contains(&edge.from));
}
