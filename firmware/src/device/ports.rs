//! Two serial ports as one link.

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write};
use shared::wire::FRAME_BYTES;

use super::PAUSE_US;

/// Two serial ports as one link. Text goes to both; a frame, which begins with a delimiter, to the port that talked last. What
/// [`Write::flush`] ends is one or the other.
///
/// Bytes of the two are not mixed: a port that has begun a frame or a line is read until that ends. The other one waits, which
/// takes its own buffer to hold what comes, until the first is silent for 20 ms or has sent more than any frame has. Then what
/// it has begun ends with a delimiter, so that it is answered as damaged.
#[derive(Debug)]
pub struct TwoPorts<A, B, T> {
    first: A,
    second: B,
    /// Microseconds since startup.
    now: T,
    talks: Port,
    /// Bytes of the frame or line that is arriving from the port that talks.
    arriving: usize,
    heard_us: u64,
    /// What is being written.
    message: Option<Message>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    First,
    Second,
}

impl Port {
    fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Text,
    Frame,
}

/// What is to be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The end of what the port that talks has left unfinished.
    End,
    Bytes(Port),
}

impl<A, B, T> TwoPorts<A, B, T> {
    /// Two ports that have received nothing yet; `now` tells the microseconds since startup.
    pub fn new(first: A, second: B, now: T) -> Self {
        Self { first, second, now, talks: Port::First, arriving: 0, heard_us: 0, message: None }
    }
}

impl<A: ReadReady, B: ReadReady, T: FnMut() -> u64> TwoPorts<A, B, T> {
    fn next(&mut self) -> Result<Option<Next>, ErrorKind> {
        let ready = [ready(&mut self.first)?, ready(&mut self.second)?];
        let is_ready = |port: Port| ready[port as usize];
        let (talks, other) = (self.talks, self.talks.other());
        if !is_ready(other) {
            return Ok(is_ready(talks).then_some(Next::Bytes(talks)));
        }
        if self.arriving == 0 {
            return Ok(Some(Next::Bytes(other)));
        }
        let silent = !is_ready(talks) && (self.now)().saturating_sub(self.heard_us) >= PAUSE_US;
        if silent || self.arriving > FRAME_BYTES {
            return Ok(Some(Next::End));
        }
        Ok(is_ready(talks).then_some(Next::Bytes(talks)))
    }
}

fn ready(port: &mut impl ReadReady) -> Result<bool, ErrorKind> {
    port.read_ready().map_err(|error| error.kind())
}

impl<A, B, T> ErrorType for TwoPorts<A, B, T> {
    type Error = ErrorKind;
}

impl<A: ReadReady, B: ReadReady, T: FnMut() -> u64> ReadReady for TwoPorts<A, B, T> {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.next()?.is_some())
    }
}

impl<A: Read + ReadReady, B: Read + ReadReady, T: FnMut() -> u64> Read for TwoPorts<A, B, T> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let Some(first) = buffer.first_mut() else { return Ok(0) };
        let next = loop {
            if let Some(next) = self.next()? {
                break next;
            }
        };
        let port = match next {
            Next::End => {
                self.arriving = 0;
                *first = 0;
                return Ok(1);
            }
            Next::Bytes(port) => port,
        };
        let count = match port {
            Port::First => self.first.read(buffer).map_err(|error| error.kind()),
            Port::Second => self.second.read(buffer).map_err(|error| error.kind()),
        }?;
        let bytes = buffer.get(..count).unwrap_or(&[]);
        if port != self.talks {
            // Delimiters alone say nothing.
            if bytes.iter().all(|&byte| byte == 0) {
                return Ok(count);
            }
            (self.talks, self.arriving) = (port, 0);
        }
        self.heard_us = (self.now)();
        self.arriving = if bytes.contains(&0) {
            bytes.iter().rev().take_while(|&&byte| byte != 0).count()
        } else {
            self.arriving.saturating_add(count)
        };
        Ok(count)
    }
}

impl<A: Write, B: Write, T> Write for TwoPorts<A, B, T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let Some(&first) = bytes.first() else { return Ok(0) };
        let message = *self.message.get_or_insert(if first == 0 { Message::Frame } else { Message::Text });
        match (message, self.talks) {
            (Message::Frame, Port::First) => self.first.write(bytes).map_err(|error| error.kind()),
            (Message::Frame, Port::Second) => self.second.write(bytes).map_err(|error| error.kind()),
            (Message::Text, _) => {
                // A port that fails does not silence the other one.
                let first = self.first.write_all(bytes);
                self.second.write_all(bytes).map_err(|error| error.kind())?;
                first.map_err(|error| error.kind())?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        let message = self.message.take();
        let one = message == Some(Message::Frame);
        let mut result = Ok(());
        if !one || self.talks == Port::First {
            result = self.first.flush().map_err(|error| error.kind());
        }
        if !one || self.talks == Port::Second {
            result = result.and(self.second.flush().map_err(|error| error.kind()));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::cell::RefCell;
    use core::convert::Infallible;
    use std::collections::VecDeque;
    use std::rc::Rc;
    use std::vec::Vec;

    use super::*;

    /// One end of a port: what arrives, piece by piece, and what was written.
    #[derive(Clone, Default)]
    struct Line {
        arrives: Rc<RefCell<VecDeque<Vec<u8>>>>,
        written: Rc<RefCell<Vec<u8>>>,
    }

    impl Line {
        fn send(&self, bytes: &[u8]) {
            self.arrives.borrow_mut().push_back(bytes.to_vec());
        }

        fn take(&self) -> Vec<u8> {
            self.written.take()
        }
    }

    impl ErrorType for Line {
        type Error = Infallible;
    }

    impl ReadReady for Line {
        fn read_ready(&mut self) -> Result<bool, Infallible> {
            Ok(!self.arrives.borrow().is_empty())
        }
    }

    impl Read for Line {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
            let piece = self.arrives.borrow_mut().pop_front().expect("something has arrived");
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    impl Write for Line {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            self.written.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    struct Bench<T> {
        lines: [Line; 2],
        time: Rc<RefCell<u64>>,
        ports: TwoPorts<Line, Line, T>,
    }

    fn bench() -> Bench<impl FnMut() -> u64> {
        let (lines, time) = ([Line::default(), Line::default()], Rc::new(RefCell::new(0)));
        let now = {
            let time = time.clone();
            move || *time.borrow()
        };
        let ports = TwoPorts::new(lines[0].clone(), lines[1].clone(), now);
        Bench { lines, time, ports }
    }

    impl<T: FnMut() -> u64> Bench<T> {
        /// Everything that can be read at once.
        fn read(&mut self) -> Vec<Vec<u8>> {
            let mut pieces = Vec::new();
            while self.ports.read_ready().unwrap() {
                let mut buffer = [0; 3000];
                let count = self.ports.read(&mut buffer).unwrap();
                pieces.push(buffer[..count].to_vec());
            }
            pieces
        }

        fn write(&mut self, message: &[u8]) -> [Vec<u8>; 2] {
            self.ports.write_all(message).unwrap();
            self.ports.flush().unwrap();
            [self.lines[0].take(), self.lines[1].take()]
        }
    }

    #[test]
    fn text_goes_to_both_ports_and_a_frame_to_the_one_that_talked_last() {
        let mut bench = bench();
        assert_eq!(bench.write(b"happy"), [b"happy", b"happy"]);
        for (port, expected) in [(1, [&b""[..], b"\0ab\0"]), (0, [b"\0ab\0", b""])] {
            bench.lines[port].send(b"hello\0");
            assert_eq!(bench.read(), [b"hello\0"]);
            assert_eq!(bench.write(b"\0ab\0"), expected);
        }
    }

    #[test]
    fn what_a_message_is_counts_until_it_ends() {
        let mut bench = bench();
        bench.ports.write_all(b"\0").unwrap();
        assert_eq!(bench.write(b"ab\0"), [&b"\0ab\0"[..], b""]);
        bench.ports.write_all(b"a").unwrap();
        assert_eq!(bench.write(b"\0"), [b"a\0", b"a\0"]);
    }

    #[test]
    fn a_delimiter_alone_does_not_turn_the_answers_to_its_port() {
        let mut bench = bench();
        bench.lines[0].send(b"hello\0");
        bench.lines[1].send(b"\0");
        assert_eq!(bench.read().len(), 2);
        assert_eq!(bench.write(b"\0ab\0"), [&b"\0ab\0"[..], b""]);
    }

    #[test]
    fn the_second_port_waits_until_the_frame_of_the_first_is_whole() {
        let mut bench = bench();
        bench.lines[0].send(b"ab");
        assert_eq!(bench.read(), [b"ab"]);
        bench.lines[1].send(b"xy\0");
        assert!(bench.read().is_empty(), "the first port is not silent yet");
        bench.lines[0].send(b"cd\0");
        assert_eq!(bench.read(), [b"cd\0", b"xy\0"]);
    }

    #[test]
    fn a_frame_that_stops_in_the_middle_ends_damaged_and_its_own_port_hears_of_it() {
        let mut bench = bench();
        bench.lines[0].send(b"ab");
        bench.read();
        bench.lines[1].send(b"xy\0");
        *bench.time.borrow_mut() = PAUSE_US;
        let mut end = [7; 2];
        assert_eq!((bench.ports.read(&mut end), end[0]), (Ok(1), 0));
        assert_eq!(bench.write(b"\0error\0"), [&b"\0error\0"[..], b""]);
        assert_eq!(bench.read(), [b"xy\0"]);
        assert_eq!(bench.write(b"\0answer\0"), [&b""[..], b"\0answer\0"]);
    }

    #[test]
    fn a_port_that_never_pauses_leaves_the_other_its_turn() {
        let mut bench = bench();
        bench.lines[1].send(b"xy\0");
        bench.lines[1].send(b"z\0");
        for _ in 0..2 * (FRAME_BYTES / 64) {
            bench.lines[0].send(&[b'u'; 64]);
        }
        let pieces = bench.read();
        let noise = pieces.iter().filter(|piece| piece[0] == b'u').count();
        assert_eq!((noise, &pieces[0]), (2 * (FRAME_BYTES / 64), &b"xy\0".to_vec()));
        let second = pieces.iter().position(|piece| piece == b"z\0").unwrap();
        assert_eq!(pieces[second - 1], b"\0", "the noise ends before the frame begins");
        assert!(second < FRAME_BYTES / 64 + 4, "it waited for {second} pieces");
    }
}
