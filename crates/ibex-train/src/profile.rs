//! Where the time of steps goes: every operation of every program timed, as a table and as a trace.
//!
//! A model that is profiled runs the same programs on the same kernels; only a clock is read
//! between operations.
//! Must not know: what the programs compute, or who runs them.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use ibex_graph::Array;
use serde_json::{Value, json};

use crate::error::Result;
use crate::model::Model;
use crate::step::{Mode, StepProgram};

/// How many runs of each program a trace keeps one by one.
const TRACED_RUNS: usize = 16;
/// How many runs of each program, the last ones, the times of a table come from.
const TIMED_RUNS: usize = 1000;
/// How many rows a table shows.
const ROWS: usize = 30;

/// The times of all operations since [`Model::start_profile`].
///
/// As text, a table of the operations that took longest, for each program: the medians of their
/// times, so that a run that something disturbed does not show.
/// The first run of a program meets cold memory and counts only when there is no other.
#[derive(Debug)]
pub struct Profile {
    begun: Instant,
    programs: Vec<Program>,
}

/// The times of one program.
#[derive(Debug)]
struct Program {
    name: String,
    steps: Vec<Step>,
    runs: Vec<Run>,
    count: usize,
    /// For each step the seconds of the last runs, that of the first not among them.
    seconds: Vec<Vec<f32>>,
}

/// One operation as a profile names it.
#[derive(Debug)]
struct Step {
    kind: &'static str,
    what: String,
    layer: Option<String>,
    read: usize,
    written: usize,
    flops: Option<u64>,
}

/// One run: when it began after the profile did, and the time of each of its steps.
#[derive(Debug)]
struct Run {
    begin: Duration,
    times: Vec<Duration>,
}

impl Model {
    /// Times every operation from now on: of training, evaluation and prediction.
    ///
    /// ```
    /// use ibex_graph::{Array, DType};
    /// use ibex_nn::layers::{Dense, Input};
    /// use ibex_nn::losses::MeanSquaredError;
    /// use ibex_nn::models::Sequential;
    /// use ibex_nn::optimizers::SGD;
    /// use ibex_train::{BuildModel, Compile, Fit};
    ///
    /// let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(2)).build()?;
    /// model.compile(Compile::new(SGD::new(0.1), MeanSquaredError::new()))?;
    /// model.start_profile();
    /// let ones = |width: usize| Array::full(DType::F32, [32, width], 1.0);
    /// model.fit(ones(4), ones(2), Fit::new().epochs(3).verbose(0))?;
    /// let profile = model.take_profile().ok_or("it was started")?;
    /// assert!(profile.to_string().starts_with("training, batch of 32: 3 runs"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_profile(&mut self) {
        self.profile = Some(Box::new(Profile { begun: Instant::now(), programs: Vec::new() }));
    }

    /// Ends the profile and gives what was measured, if one was started.
    pub fn take_profile(&mut self) -> Option<Profile> {
        self.profile.take().map(|profile| *profile)
    }
}

impl Profile {
    /// Runs a program and keeps the time of each of its steps.
    pub(crate) fn run(&mut self, program: &mut StepProgram, inputs: &[&Array]) -> Result<()> {
        let begin = self.begun.elapsed();
        let times = program.executable.profile(inputs)?;
        let name = name_of(program);
        let place = self.programs.iter().position(|known| known.name == name);
        let place = place.unwrap_or_else(|| {
            self.programs.push(Program::new(name, program));
            self.programs.len() - 1
        });
        self.programs[place].add(Run { begin, times });
        Ok(())
    }

    /// The trace in the format of Chrome's trace viewer: times in microseconds, the operations of
    /// a run below it.
    pub fn to_trace(&self) -> Value {
        let mut events = Vec::new();
        for program in &self.programs {
            for run in &program.runs {
                let whole: Duration = run.times.iter().sum();
                events.push(event(&program.name, "program", run.begin, whole, json!({})));
                let mut begin = run.begin;
                for (step, &time) in program.steps.iter().zip(&run.times) {
                    let arguments = json!({
                        "layer": step.layer, "bytes read": step.read, "bytes written": step.written,
                        "flops": step.flops,
                    });
                    events.push(event(&step.what, step.kind, begin, time, arguments));
                    begin += time;
                }
            }
        }
        json!({ "displayTimeUnit": "ms", "traceEvents": events })
    }

    /// Writes [`Profile::to_trace`] into a file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save_trace(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::write_text(path, &self.to_trace().to_string())
    }
}

/// A complete event of a trace.
fn event(name: &str, kind: &str, begin: Duration, time: Duration, arguments: Value) -> Value {
    let microseconds = |time: Duration| time.as_nanos() as f64 / 1e3;
    json!({
        "name": name, "cat": kind, "ph": "X", "pid": 1, "tid": 1,
        "ts": microseconds(begin), "dur": microseconds(time), "args": arguments,
    })
}

/// What a program is for, and for batches of how many samples.
fn name_of(program: &StepProgram) -> String {
    let purpose = match program.mode {
        Mode::Train => "training",
        Mode::Evaluate => "evaluation",
        Mode::Predict => "prediction",
    };
    let size = program.types.first().and_then(|ty| ty.shape.dims().first().copied());
    format!("{purpose}, batch of {}", size.unwrap_or(1))
}

impl Program {
    fn new(name: String, program: &StepProgram) -> Program {
        let steps = program.executable.program().steps.iter().map(|step| {
            let (read, written) = step.traffic();
            let layer = step.origin.path().map(ToString::to_string);
            let (kind, what) = (step.kind(), step.work.to_string());
            Step { kind, what, layer, read, written, flops: step.flops() }
        });
        let steps: Vec<Step> = steps.collect();
        let seconds = vec![Vec::new(); steps.len()];
        Program { name, steps, runs: Vec::new(), count: 0, seconds }
    }

    fn add(&mut self, run: Run) {
        if let Some(number) = self.count.checked_sub(1) {
            for (seconds, time) in self.seconds.iter_mut().zip(&run.times) {
                match seconds.get_mut(number % TIMED_RUNS) {
                    Some(oldest) => *oldest = time.as_secs_f32(),
                    None => seconds.push(time.as_secs_f32()),
                }
            }
        }
        self.count += 1;
        if self.runs.len() < TRACED_RUNS {
            self.runs.push(run);
        }
    }

    /// The median time of each step in milliseconds.
    fn medians(&self) -> Vec<f64> {
        let first = self.runs.first().map_or(&[][..], |run| &run.times);
        let median = |(place, seconds): (usize, &Vec<f32>)| match seconds.len() {
            0 => first.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3),
            count => {
                let mut sorted = seconds.clone();
                sorted.sort_by(f32::total_cmp);
                f64::from(sorted[count / 2]) * 1e3
            }
        };
        self.seconds.iter().enumerate().map(median).collect()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, program) in self.programs.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            program.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let medians = self.medians();
        let total: f64 = medians.iter().sum();
        let (name, count) = (&self.name, self.count);
        writeln!(f, "{name}: {count} runs, {total:.3} ms in {} operations", medians.len())?;
        let mut order: Vec<usize> = (0..medians.len()).collect();
        order.sort_by(|&a, &b| medians[b].total_cmp(&medians[a]).then(a.cmp(&b)));
        writeln!(
            f,
            "{:>6} {:>9} {:>8} {:>8}  {:<8} what",
            "share", "ms", "GB/s", "GFLOP/s", "kind"
        )?;
        let share = |time: f64| 100.0 * time / total.max(1e-12);
        for &place in order.iter().take(ROWS) {
            let (step, time) = (&self.steps[place], medians[place]);
            let rate = |amount: f64| format!("{:.1}", amount / (time * 1e6).max(1e-9));
            let bytes = rate((step.read + step.written) as f64);
            let flops = step.flops.map_or(String::new(), |flops| rate(flops as f64));
            write!(f, "{:>5.1}% {time:>9.3} {bytes:>8} {flops:>8}  ", share(time))?;
            write!(f, "{:<8} {}", step.kind, step.what)?;
            match &step.layer {
                Some(layer) => writeln!(f, "  # {layer}")?,
                None => writeln!(f)?,
            }
        }
        let rest: Vec<f64> = order.iter().skip(ROWS).map(|&place| medians[place]).collect();
        if !rest.is_empty() {
            let sum: f64 = rest.iter().sum();
            writeln!(f, "{:>5.1}% {sum:>9.3} {:>30} others", share(sum), rest.len())?;
        }
        let mut kinds: Vec<(&str, f64)> = Vec::new();
        for (step, &time) in self.steps.iter().zip(&medians) {
            match kinds.iter_mut().find(|(kind, _)| *kind == step.kind) {
                Some((_, sum)) => *sum += time,
                None => kinds.push((step.kind, time)),
            }
        }
        kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
        let parts: Vec<String> =
            kinds.iter().map(|&(kind, time)| format!("{kind} {:.0} %", share(time))).collect();
        write!(f, "\n{}", parts.join(", "))
    }
}
