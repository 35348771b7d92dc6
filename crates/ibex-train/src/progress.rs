//! What a training shows while it runs: nothing, a bar, or a line for each epoch.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::callbacks::Plan;
use crate::history::Logs;

/// How often a bar is drawn at most.
const INTERVAL: Duration = Duration::from_millis(50);
/// The width of the bar, as in Keras.
const WIDTH: usize = 20;

/// Writes to stderr; a reader that has gone away does not end a training.
pub(crate) fn say(text: Arguments<'_>) {
    let _ = std::io::stderr().write_fmt(text);
}

/// The display of one training, on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    verbose: u8,
    epochs: usize,
    steps: usize,
    terminal: bool,
    started: Instant,
    drawn: Instant,
}

impl Progress {
    pub(crate) fn new(plan: &Plan) -> Progress {
        Progress {
            verbose: plan.verbose,
            epochs: plan.epochs,
            steps: plan.steps,
            terminal: std::io::stderr().is_terminal(),
            started: Instant::now(),
            drawn: Instant::now(),
        }
    }

    /// Says which epoch begins.
    pub(crate) fn epoch_begin(&mut self, epoch: usize) {
        if self.verbose > 0 {
            say(format_args!("Epoch {}/{}\n", epoch + 1, self.epochs));
        }
        self.started = Instant::now();
    }

    /// Whether a bar is wanted and was last drawn long enough ago.
    pub(crate) fn is_due(&self) -> bool {
        self.verbose == 1 && self.terminal && self.drawn.elapsed() >= INTERVAL
    }

    /// Draws the bar after a batch.
    pub(crate) fn batch_end(&mut self, batch: usize, logs: &Logs) {
        self.drawn = Instant::now();
        let done = batch + 1;
        let seconds = self.started.elapsed().as_secs_f64();
        let left = seconds / done as f64 * self.steps.saturating_sub(done) as f64;
        let time = format!("{} {}", clock(left), per_step(seconds / done as f64));
        say(format_args!("\r\x1b[K{}", self.line(done, &time, logs)));
    }

    /// Shows the logs of an epoch.
    pub(crate) fn epoch_end(&mut self, logs: &Logs, seconds: f64) {
        if self.verbose == 0 {
            return;
        }
        let time = format!("{seconds:.0}s {}", per_step(seconds / self.steps.max(1) as f64));
        match self.verbose {
            1 => {
                let clear = if self.terminal { "\r\x1b[K" } else { "" };
                say(format_args!("{clear}{}\n", self.line(self.steps, &time, logs)));
            }
            _ => say(format_args!("{0}/{0} - {time}{1}\n", self.steps, numbers(logs))),
        }
    }

    fn line(&self, done: usize, time: &str, logs: &Logs) -> String {
        // A stream does not say how many steps there will be.
        let filled = (WIDTH * done / self.steps.max(1)).min(WIDTH);
        let bar = format!("{}{}", "━".repeat(filled), " ".repeat(WIDTH - filled));
        let width = self.steps.to_string().len();
        format!("{done:>width$}/{} {bar} {time}{}", self.steps, numbers(logs))
    }
}

fn numbers(logs: &Logs) -> String {
    let number = |value: f64| match value.abs() > 1e-3 || value == 0.0 {
        true => format!("{value:.4}"),
        false => format!("{value:.4e}"),
    };
    logs.iter().map(|(name, value)| format!(" - {name}: {}", number(value))).collect()
}

fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

fn per_step(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.0}s/step"),
        s if s >= 1e-3 => format!("{:.0}ms/step", s * 1e3),
        s => format!("{:.0}us/step", s * 1e6),
    }
}
