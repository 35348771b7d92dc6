//! Signals: the first one asks a training to end after its step, the second ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ibex::train::Interrupt;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What ends a training: Ctrl-C, `kill`, and the end of the terminal.
#[cfg(unix)]
const SIGNALS: &[i32] = &[SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: &[i32] = &[SIGINT, SIGTERM];

/// The signals of a process while it trains.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    pub(crate) interrupt: Interrupt,
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// Takes the signals over from now on.
    ///
    /// Where the system refuses, they keep their usual effect: the process ends at once.
    pub(crate) fn watch() -> Signals {
        let signals = Signals::default();
        for &signal in SIGNALS {
            let requested = signals.interrupt.flag();
            // In this order: the first signal finds the flag down and goes on to raise it.
            let _ = flag::register_conditional_shutdown(signal, 128 + signal, requested.clone());
            let _ = flag::register_usize(signal, signals.received.clone(), signal as usize);
            let _ = flag::register(signal, requested);
        }
        // A file beyond the limit of its size is an error like a full disk, not the end.
        #[cfg(unix)]
        let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
        signals
    }

    /// The number of the signal that came last; 0 if none did.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }
}
