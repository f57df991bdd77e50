//! Who reads whom, in two flat vectors.

/// For each task the tasks that it reads; or, turned around, those that read it.
pub(crate) struct Edges {
    /// Where the ends of each task begin, and where those of the last one stop.
    begins: Vec<u32>,
    ends: Vec<u32>,
}

impl Edges {
    pub(crate) fn new() -> Self {
        Self { begins: vec![0], ends: Vec::new() }
    }

    /// How many tasks there are.
    pub(crate) fn tasks(&self) -> usize {
        self.begins.len() - 1
    }

    /// Adds a task, and gives its number.
    pub(crate) fn push(&mut self, ends: impl IntoIterator<Item = u32>) -> u32 {
        let task = place(self.tasks());
        self.ends.extend(ends);
        self.begins.push(place(self.ends.len()));
        task
    }

    pub(crate) fn of(&self, task: u32) -> &[u32] {
        let task = task as usize;
        &self.ends[self.begins[task] as usize..self.begins[task + 1] as usize]
    }

    /// The same edges, from their other ends.
    pub(crate) fn turned(&self) -> Self {
        let tasks = self.tasks();
        // Counted two places ahead, so that filling moves each beginning to where it belongs.
        let mut begins = vec![0; tasks + 2];
        for end in &self.ends {
            begins[*end as usize + 2] += 1;
        }
        for i in 2..begins.len() {
            begins[i] += begins[i - 1];
        }
        let mut ends = vec![0; self.ends.len()];
        for task in 0..place(tasks) {
            for end in self.of(task) {
                let next = &mut begins[*end as usize + 1];
                ends[*next as usize] = task;
                *next += 1;
            }
        }
        begins.pop();
        Self { begins, ends }
    }
}

fn place(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than 2^32 tasks and edges")
}
