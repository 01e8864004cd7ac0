//! A training on the whole terminal: progress, curves, the last epochs.
//!
//! ```text
//! mod.rs     the terminal: taken, drawn at most ten times a second, given back
//! state.rs   what is known of the run
//! draw.rs    the same on the screen
//! ```

mod draw;
mod state;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
};

use self::state::State;
pub use self::state::{EpochRow, Facts, StepNow};

use crate::files;

/// Time between two drawings.
const FRAME: Duration = Duration::from_millis(100);

/// Whether a dashboard, or another screen of this program, has the terminal now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while a training has it. It is given back when this is dropped, and when the program panics.
#[derive(Debug)]
pub struct Dashboard {
    terminal: DefaultTerminal,
    state: State,
    stop: Arc<AtomicBool>,
    drawn: Option<Instant>,
}

impl Dashboard {
    /// Takes the terminal. Keys set `stop`: q, Escape or Ctrl-C once; Ctrl-C again ends the process at once.
    ///
    /// # Errors
    /// If there is no terminal to take.
    pub fn start(facts: Facts, stop: Arc<AtomicBool>) -> io::Result<Self> {
        Ok(Self { terminal: take()?, state: State::new(facts), stop, drawn: None })
    }

    /// Shows a step.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn step(&mut self, step: StepNow) -> io::Result<()> {
        self.state.step(step);
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < FRAME) {
            return Ok(());
        }
        self.keys()?;
        self.draw()
    }

    /// Shows a finished epoch.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn epoch(&mut self, epoch: EpochRow) -> io::Result<()> {
        self.state.epoch(epoch);
        // Where an epoch is shorter than a frame, no step is drawn.
        self.keys()?;
        self.draw()
    }

    fn draw(&mut self) -> io::Result<()> {
        self.drawn = Some(Instant::now());
        self.state.stopping = self.stop.load(Ordering::Relaxed);
        let state = &self.state;
        self.terminal.draw(|frame| draw::draw(frame, state)).map(drop)
    }

    /// In raw mode Ctrl-C is a key like any other.
    fn keys(&mut self) -> io::Result<()> {
        while event::poll(Duration::ZERO)? {
            let Event::Key(key) = event::read()? else { continue };
            let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            let quit = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
            if key.kind != KeyEventKind::Press || !(interrupt || quit) {
                continue;
            }
            if self.stop.swap(true, Ordering::Relaxed) && interrupt {
                give_back();
                let _writing = files::no_more_writing();
                std::process::exit(130);
            }
        }
        Ok(())
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Takes the terminal, until [`give_back`].
///
/// # Errors
/// If there is no terminal to take.
pub fn take() -> io::Result<DefaultTerminal> {
    let terminal = ratatui::try_init()?;
    TAKEN.store(true, Ordering::Relaxed);
    Ok(terminal)
}

/// Gives the terminal back as it was, if it was taken: for whoever ends the process.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::Relaxed) {
        ratatui::restore();
    }
}

#[cfg(test)]
mod tests;
