//! A source on a thread of its own. Frames of a camera that nobody has fetched in time are dropped for newer ones; a file waits.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{Arrival, CameraError, Source};

/// Arrivals that wait at most, of which a live source has one frame.
const MOST: usize = 4;

/// What has come of a source.
#[derive(Debug)]
pub enum Next {
    /// A frame, or a broken one.
    Arrival(Arrival),
    /// Nothing yet.
    Nothing,
    /// The end.
    End,
}

/// Frames as they come.
pub struct Feed {
    name: String,
    shared: Arc<Shared>,
    /// How long nothing may come.
    patience: Option<Duration>,
    last: Instant,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something has arrived, or there is room.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arrival>,
    /// The error at the end, or none.
    end: Option<Option<CameraError>>,
    dropped: u64,
    /// Nobody fetches any more.
    closed: bool,
}

impl State {
    /// Makes room for a newer frame: frames go first.
    fn drop_stale(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|arrival| !matches!(arrival, Arrival::Frame(_)));
        self.dropped += (before - self.waiting.len()) as u64;
        while self.waiting.len() >= MOST {
            self.waiting.pop_front();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it has the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feed {{ name: {:?} }}", self.name)
    }
}

impl Feed {
    /// Starts to read. A source that may stop has stopped if nothing has come for `patience`.
    pub fn start(source: Source, patience: Duration) -> Self {
        let Source { name, arrivals, may_stop, live } = source;
        let shared = Arc::new(Shared::default());
        let reader = Reader { name: name.clone(), shared: shared.clone() };
        thread::spawn(move || {
            let reader = &reader.shared;
            for arrival in arrivals {
                let mut state = reader.state();
                match arrival {
                    Err(error) => {
                        state.end = Some(Some(error));
                        break;
                    }
                    Ok(arrival) if live => {
                        state.drop_stale();
                        state.waiting.push_back(arrival);
                    }
                    Ok(arrival) => {
                        while state.waiting.len() >= MOST && !state.closed {
                            state = reader.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                        }
                        state.waiting.push_back(arrival);
                    }
                }
                reader.changed.notify_all();
                if state.closed {
                    return;
                }
            }
        });
        Self { name, shared, patience: may_stop.then_some(patience), last: Instant::now() }
    }

    /// What has come; waits for it, but not longer than `most`.
    ///
    /// # Errors
    /// [`CameraError`] of the source, once; [`CameraError::Silent`] if it has stopped.
    pub fn next(&mut self, most: Duration) -> Result<Next, CameraError> {
        let until = Instant::now().checked_add(most);
        let mut state = self.shared.state();
        loop {
            if let Some(arrival) = state.waiting.pop_front() {
                self.last = Instant::now();
                self.shared.changed.notify_all();
                return Ok(Next::Arrival(arrival));
            }
            if let Some(end) = &mut state.end {
                return end.take().map_or(Ok(Next::End), Err);
            }
            if let Some(patience) = self.patience.filter(|patience| self.last.elapsed() >= *patience) {
                return Err(CameraError::Silent { name: self.name.clone(), seconds: patience.as_secs_f64() });
            }
            let left = until.map_or(most, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(Next::Nothing);
            }
            let patience_left = self.patience.map_or(left, |patience| patience.saturating_sub(self.last.elapsed()));
            let (woken, _) = self
                .shared
                .changed
                .wait_timeout(state, left.min(patience_left))
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
        }
    }

    /// Frames of a live source that were dropped because newer ones came.
    pub fn dropped(&self) -> u64 {
        self.shared.state().dropped
    }
}

/// The end of the thread that reads, however it comes.
struct Reader {
    name: String,
    shared: Arc<Shared>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let problem = || "a fault of the program ended the reading; please report it".to_string();
        let error = thread::panicking().then(|| CameraError::Header { name: self.name.clone(), problem: problem() });
        self.shared.state().end.get_or_insert(error);
        self.shared.changed.notify_all();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::GreyFrame;

    const LONG: Duration = Duration::from_secs(600);

    fn frame(level: u8) -> Arrival {
        Arrival::Frame(GreyFrame::new(1, 1, vec![level]).expect("a pixel"))
    }

    fn source(arrivals: impl Iterator<Item = Result<Arrival, CameraError>> + Send + 'static, live: bool) -> Source {
        Source { name: "test".into(), arrivals: Box::new(arrivals), may_stop: true, live }
    }

    /// What comes until the end.
    fn rest(feed: &mut Feed) -> Vec<u8> {
        let mut levels = Vec::new();
        loop {
            match feed.next(LONG).expect("no error") {
                Next::Arrival(Arrival::Frame(frame)) => levels.push(frame.pixels()[0]),
                Next::Arrival(Arrival::Broken { .. }) => levels.push(255),
                Next::Nothing => panic!("it waits longer"),
                Next::End => return levels,
            }
        }
    }

    #[test]
    fn every_frame_of_a_file_arrives() {
        let frames = (0..100).map(|level| Ok(frame(level)));
        let mut feed = Feed::start(source(frames, false), LONG);
        assert_eq!(rest(&mut feed), (0..100).collect::<Vec<u8>>());
        assert_eq!(feed.dropped(), 0);
        assert!(matches!(feed.next(LONG), Ok(Next::End)), "the end stays");
    }

    /// Arrivals as the test sends them.
    fn told(sent: Receiver<Arrival>, live: bool) -> Source {
        source(sent.into_iter().map(Ok), live)
    }

    #[test]
    fn a_live_source_gives_the_newest_frame_and_reports_those_that_were_broken() {
        let (send, sent) = channel();
        for level in 0..5 {
            send.send(frame(level)).expect("sent");
        }
        send.send(Arrival::Broken { number: 6, problem: String::new() }).expect("sent");
        send.send(frame(6)).expect("sent");
        drop(send);
        let mut feed = Feed::start(told(sent, true), LONG);
        // Once the end is known, all have arrived.
        while feed.shared.state().end.is_none() {
            thread::yield_now();
        }
        assert_eq!(rest(&mut feed), [255, 6]);
        assert_eq!(feed.dropped(), 5);
    }

    #[test]
    fn what_arrives_later_is_waited_for_and_nothing_is_said_meanwhile() {
        let (send, sent) = channel();
        let mut feed = Feed::start(told(sent, true), LONG);
        assert!(matches!(feed.next(Duration::ZERO), Ok(Next::Nothing)));
        send.send(frame(1)).expect("sent");
        assert!(matches!(feed.next(LONG), Ok(Next::Arrival(_))));
        assert!(matches!(feed.next(Duration::from_millis(1)), Ok(Next::Nothing)));
        drop(send);
        assert!(matches!(feed.next(LONG), Ok(Next::End)));
    }

    #[test]
    fn a_camera_that_stops_is_an_error_and_a_file_that_waits_is_none() {
        let (send, sent) = channel();
        send.send(frame(1)).expect("sent");
        let mut feed = Feed::start(told(sent, true), Duration::from_millis(20));
        // However long the thread takes to begin.
        while feed.shared.state().waiting.is_empty() {
            thread::yield_now();
        }
        assert!(matches!(feed.next(LONG), Ok(Next::Arrival(_))));
        assert!(matches!(feed.next(LONG), Err(CameraError::Silent { .. })));
        drop(send);
        let (send, sent) = channel();
        let slow = Source { may_stop: false, ..told(sent, false) };
        let mut feed = Feed::start(slow, Duration::ZERO);
        assert!(matches!(feed.next(Duration::from_millis(20)), Ok(Next::Nothing)));
        drop(send);
    }

    #[test]
    fn a_fault_while_reading_is_an_error_and_no_wait() {
        let arrivals = [1, 2].into_iter().map(|level| match level {
            1 => Ok(frame(1)),
            _ => panic!("a test panics here"),
        });
        let mut feed = Feed::start(source(arrivals, false), LONG);
        assert!(matches!(feed.next(LONG), Ok(Next::Arrival(_))));
        assert!(matches!(feed.next(LONG), Err(CameraError::Header { .. })));
    }

    #[test]
    fn frames_before_an_error_arrive_and_then_the_error_once() {
        let error = CameraError::CutShort { name: "test".into(), frame: 3 };
        let arrivals = [Ok(frame(1)), Ok(frame(2)), Err(error)];
        let mut feed = Feed::start(source(arrivals.into_iter(), false), LONG);
        assert!(matches!(feed.next(LONG), Ok(Next::Arrival(_))));
        assert!(matches!(feed.next(LONG), Ok(Next::Arrival(_))));
        assert!(matches!(feed.next(LONG), Err(CameraError::CutShort { frame: 3, .. })));
        assert!(matches!(feed.next(LONG), Ok(Next::End)));
    }
}
