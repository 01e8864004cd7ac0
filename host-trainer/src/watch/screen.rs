//! The terminal while a camera is watched.

use std::{
    io,
    time::{Duration, Instant},
};

use cameras::GreyFrame;
use pictures::watcher::Sighting;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
};
use shared::label::Emotion;

use super::{History, draw};
use crate::dashboard;

/// Time between two drawings: a screen shows no more, and a camera must not wait for it.
const INTERVAL: Duration = Duration::from_millis(40);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// q or Escape: the end.
    Quit,
    /// Ctrl-C, which in raw mode is a key like any other.
    Interrupt,
}

/// Everything that is on the screen.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// What is watched.
    pub name: String,
    /// The emotions that the model knows.
    pub emotions: Vec<Emotion>,
    /// Whether the picture is shown as in a mirror.
    pub mirrored: bool,
    /// Whether the terminal has all colours, or 256.
    pub true_colour: bool,
    /// The last frame and what was seen in it.
    pub last: Option<(GreyFrame, Sighting)>,
    pub history: History,
    /// Frames that were broken, and that were dropped.
    pub lost: [u64; 2],
}

/// The terminal while a camera is watched. It is given back when this is dropped, and when the program panics.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
    view: View,
    drawn: Option<Instant>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If there is none to take.
    pub fn start(name: String, emotions: &[Emotion], mirrored: bool) -> io::Result<Self> {
        let colours = std::env::var("COLORTERM").unwrap_or_default();
        let true_colour = matches!(colours.as_str(), "truecolor" | "24bit");
        let emotions = emotions.to_vec();
        let view =
            View { name, emotions, mirrored, true_colour, last: None, history: History::default(), lost: [0; 2] };
        let mut screen = Self { terminal: dashboard::take()?, view, drawn: None };
        screen.draw()?;
        Ok(screen)
    }

    /// Shows a frame, unless one was shown a moment ago.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn show(&mut self, frame: GreyFrame, sighting: &Sighting, history: &History, lost: [u64; 2]) -> io::Result<()> {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.view.last = Some((frame, *sighting));
        self.view.history.clone_from(history);
        self.view.lost = lost;
        self.draw()
    }

    fn draw(&mut self) -> io::Result<()> {
        self.drawn = Some(Instant::now());
        let view = &self.view;
        self.terminal.draw(|frame| draw::draw(frame, view)).map(drop)
    }

    /// What the keys ask for that were pressed; draws anew if the terminal has another size. Waits for a key, but not longer than
    /// `most`.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn keys(&mut self, most: Duration) -> io::Result<Option<Wish>> {
        let until = Instant::now() + most;
        while event::poll(until.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                Event::Resize(..) => self.draw()?,
                Event::Key(key) if key.kind == KeyEventKind::Press => {
                    let control = key.modifiers.contains(KeyModifiers::CONTROL);
                    match key.code {
                        KeyCode::Char('c') if control => return Ok(Some(Wish::Interrupt)),
                        KeyCode::Char('q') | KeyCode::Esc => return Ok(Some(Wish::Quit)),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        dashboard::give_back();
    }
}
