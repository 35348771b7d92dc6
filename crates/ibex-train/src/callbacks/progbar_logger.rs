//! `ProgbarLogger`: what a training shows while it runs: a bar, or a line for each epoch.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use super::{Callback, Event, Moment};
use crate::error::Result;
use crate::history::Logs;
use crate::progress::say;

/// How often a bar is drawn at most.
const INTERVAL: Duration = Duration::from_millis(50);
/// The width of the bar, as in Keras.
const WIDTH: usize = 20;

/// Shows the progress of a training on stderr; `fit` adds one unless `verbose` is 0.
///
/// With `verbose` 1 a bar on a terminal, and a line for each epoch elsewhere; with 2 always lines.
///
/// Source: Keras's `ProgbarLogger`.
#[derive(Debug)]
pub struct ProgbarLogger {
    bar: bool,
    terminal: bool,
    steps: usize,
    started: Instant,
    drawn: Instant,
}

impl Default for ProgbarLogger {
    fn default() -> ProgbarLogger {
        ProgbarLogger {
            bar: false,
            terminal: std::io::stderr().is_terminal(),
            steps: 0,
            started: Instant::now(),
            drawn: Instant::now(),
        }
    }
}

impl Callback for ProgbarLogger {
    fn name(&self) -> &'static str {
        "ProgbarLogger"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::TrainBegin, Moment::EpochBegin, Moment::TrainBatchEnd, Moment::EpochEnd]
    }

    /// After all others, whose additions to the logs it shows.
    fn order(&self) -> i32 {
        100
    }

    fn wants_batches(&self) -> bool {
        self.bar && self.terminal && self.drawn.elapsed() >= INTERVAL
    }

    fn on_train_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.bar = event.plan.verbose == 1;
        self.steps = event.plan.steps;
        self.started = Instant::now();
        Ok(())
    }

    fn on_epoch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        say(format_args!("Epoch {}/{}\n", event.epoch + 1, event.plan.epochs));
        self.started = Instant::now();
        Ok(())
    }

    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.drawn = Instant::now();
        let done = event.batch + 1;
        let seconds = self.started.elapsed().as_secs_f64();
        let left = seconds / done as f64 * self.steps.saturating_sub(done) as f64;
        let time = format!("{} {}", clock(left), per_step(seconds / done as f64));
        say(format_args!("\r\x1b[K{}", self.line(done, &time, event.logs)));
        Ok(())
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        let time = format!("{seconds:.0}s {}", per_step(seconds / self.steps.max(1) as f64));
        if self.bar {
            let clear = if self.terminal { "\r\x1b[K" } else { "" };
            say(format_args!("{clear}{}\n", self.line(self.steps, &time, event.logs)));
        } else {
            say(format_args!("{0}/{0} - {time}{1}\n", self.steps, numbers(event.logs)));
        }
        Ok(())
    }
}

impl ProgbarLogger {
    fn line(&self, done: usize, time: &str, logs: &Logs) -> String {
        let filled = WIDTH * done / self.steps.max(1);
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
