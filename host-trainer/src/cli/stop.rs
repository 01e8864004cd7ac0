//! How a training is stopped: by Ctrl-C, by SIGTERM, by a key of the dashboard.

use std::{
    io::Write,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
};

use anyhow::Context;

use super::output::err;
use crate::{dashboard, files};

/// The signal that Ctrl-C sends.
const INTERRUPT: i32 = 2;

/// Whether and how the user wants to stop.
#[derive(Clone, Debug)]
pub struct Stop {
    /// True if the training is to stop after the current step.
    wanted: Arc<AtomicBool>,
    /// Whether a training runs: elsewhere nothing is lost by ending at once.
    training: Arc<AtomicBool>,
    signal: Arc<AtomicI32>,
}

/// A signal ended the command before it was done.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted by signal {signal}")]
pub struct Interrupted {
    /// The number of the signal.
    signal: i32,
}

impl Interrupted {
    /// The exit status of a process that a signal has ended: 130 after Ctrl-C.
    pub fn exit_status(self) -> u8 {
        128 + self.signal as u8
    }
}

impl Stop {
    /// Watches for Ctrl-C and SIGTERM from now on. While a training runs, the first one ends it after the current step; the
    /// second, or the first at any other time, ends the process at once.
    pub fn watch() -> anyhow::Result<Self> {
        let stop =
            Self { wanted: Arc::default(), training: Arc::default(), signal: Arc::new(AtomicI32::new(INTERRUPT)) };
        let watched = stop.clone();
        on_signal(move |signal| watched.signalled(signal)).context("Ctrl-C cannot be watched")?;
        Ok(stop)
    }

    fn signalled(&self, signal: i32) {
        self.signal.store(signal, Ordering::Relaxed);
        if !self.training.load(Ordering::Relaxed) || self.wanted.swap(true, Ordering::Relaxed) {
            dashboard::give_back();
            let _writing = files::no_more_writing();
            process::exit(self.interrupted().exit_status().into());
        }
        // A message that cannot be shown is no reason to go on.
        let _ = writeln!(err(), "\nstopping after this step; once more to stop at once");
    }

    /// The flag that a training checks after every step.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.wanted
    }

    /// Whether the user wants to stop.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Runs `train`; a first signal ends it only between two steps.
    pub fn between_steps<T>(&self, train: impl FnOnce() -> T) -> T {
        self.training.store(true, Ordering::Relaxed);
        let result = train();
        self.training.store(false, Ordering::Relaxed);
        result
    }

    /// The error of a command that was stopped.
    pub fn interrupted(&self) -> Interrupted {
        Interrupted { signal: self.signal.load(Ordering::Relaxed) }
    }
}

/// Calls `handle` with the number of every SIGINT and SIGTERM, on a thread of its own. SIGHUP is not among them:
/// whoever ignores it, as `nohup` does, wants to go on.
#[cfg(unix)]
fn on_signal(handle: impl Fn(i32) + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || signals.forever().for_each(handle));
    Ok(())
}

/// Calls `handle` at every Ctrl-C, on a thread of its own.
#[cfg(not(unix))]
fn on_signal(handle: impl Fn(i32) + Send + 'static) -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(move || handle(INTERRUPT))?)
}
