//! Text for a person on the link. Lines end in CR LF, as serial terminals expect.

use core::fmt;

use embedded_io::{Read, ReadReady, Write, WriteFmtError};
use shared::wire::{Classified, FaceBox, PROTOCOL_VERSION, Seen};

use super::{Clock, Device};
use crate::camera::Camera;

/// Whether `pending`, the beginning of what arrived since the last delimiter, and `last`, its end, may be lines that a person
/// typed: printable characters only. A frame may begin so as well, but there is no pause in it.
pub(super) fn is_line(pending: &[u8], last: u8) -> bool {
    matches!(last, b'\r' | b'\n')
        && pending.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n' | 8 | 127))
}

impl<S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'_, '_, S, C, V> {
    pub(super) fn banner(&mut self) -> Result<(), S::Error> {
        let hello = self.hello();
        let written = write!(
            self.serial,
            "\r\nfer firmware {}  model {} {:08x}  arena {} bytes",
            hello.firmware, hello.model, hello.model_crc, hello.arena_bytes
        );
        unformatted(written)?;
        if let Some(finder) = hello.finder {
            unformatted(write!(self.serial, "  finder {:08x} {}", finder.crc, finder.largest))?;
        }
        unformatted(write!(self.serial, "  protocol {PROTOCOL_VERSION}\r\n"))?;
        self.serial.flush()
    }

    pub(super) fn hint(&mut self) -> Result<(), S::Error> {
        let what = if self.sight.is_some() { "pictures" } else { "faces" };
        let written = write!(self.serial, "send {what} with: host-trainer monitor --port THIS_PORT IMAGE...\r\n");
        unformatted(written)?;
        self.serial.flush()
    }

    pub(super) fn print(&mut self, result: &Classified, sequence: u32) -> Result<(), S::Error> {
        unformatted(write!(self.serial, "{}\r\n", ReadoutLine { result, sequence }))?;
        self.serial.flush()
    }

    pub(super) fn print_seen(&mut self, seen: &Seen, sequence: u32) -> Result<(), S::Error> {
        unformatted(write!(self.serial, "{}\r\n", SeenLine { seen, sequence }))?;
        self.serial.flush()
    }

    pub(super) fn print_stopped(&mut self, why: impl fmt::Display) -> Result<(), S::Error> {
        unformatted(write!(self.serial, "the camera stopped: {why}\r\n"))?;
        self.serial.flush()
    }
}

/// Formatting itself never fails; what remains is the link's error.
fn unformatted<E>(result: Result<(), WriteFmtError<E>>) -> Result<(), E> {
    match result {
        Err(WriteFmtError::Other(error)) => Err(error),
        Ok(()) | Err(WriteFmtError::FmtError) => Ok(()),
    }
}

/// A result as a line for people, such as `happy 0.93  margin 0.88  18.4 ms  seq 41`.
#[derive(Clone, Copy, Debug)]
pub struct ReadoutLine<'a> {
    /// The result.
    pub result: &'a Classified,
    /// Its number.
    pub sequence: u32,
}

impl fmt::Display for ReadoutLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Classified { label, margin, uncertain, microseconds, ref probabilities, .. } = *self.result;
        let confidence = probabilities.get(label.index()).copied().unwrap_or(0.0);
        let tenths = microseconds.saturating_add(50) / 100;
        let (milliseconds, tenth) = (tenths / 10, tenths % 10);
        write!(f, "{label} {confidence:.2}  margin {margin:.2}  {milliseconds}.{tenth} ms  seq {}", self.sequence)?;
        if uncertain { write!(f, "  uncertain") } else { Ok(()) }
    }
}

/// What was seen as a line for people, such as `happy 0.93  margin 0.88  face 52,31 61x61  212 ms  seq 41` or `no face  41 ms  seq 42`.
#[derive(Clone, Copy, Debug)]
pub struct SeenLine<'a> {
    /// What was seen.
    pub seen: &'a Seen,
    /// Its number.
    pub sequence: u32,
}

impl fmt::Display for SeenLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { ref face, microseconds } = *self.seen;
        let milliseconds = microseconds.saturating_add(500) / 1000;
        let Some(face) = face else { return write!(f, "no face  {milliseconds} ms  seq {}", self.sequence) };
        let Classified { label, margin, uncertain, ref probabilities, .. } = face.emotion;
        let confidence = probabilities.get(label.index()).copied().unwrap_or(0.0);
        let FaceBox { left, top, side } = face.bounds;
        write!(f, "{label} {confidence:.2}  margin {margin:.2}  face {left},{top} {side}x{side}  ")?;
        write!(f, "{milliseconds} ms  seq {}", self.sequence)?;
        if uncertain { write!(f, "  uncertain") } else { Ok(()) }
    }
}
