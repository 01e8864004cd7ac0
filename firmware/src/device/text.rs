//! Text for a person on the link. Lines end in CR LF, as serial terminals expect.

use core::fmt;

use embedded_io::{Read, ReadReady, Write, WriteFmtError};
use shared::wire::{Classified, PROTOCOL_VERSION};

use super::{Clock, Device};

/// Whether `pending`, the beginning of what arrived since the last delimiter, and `last`, its end, may be lines that a person
/// typed: printable characters only. A frame may begin so as well, but there is no pause in it.
pub(super) fn is_line(pending: &[u8], last: u8) -> bool {
    matches!(last, b'\r' | b'\n')
        && pending.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n' | 8 | 127))
}

impl<S: Read + ReadReady + Write, C: Clock> Device<'_, '_, S, C> {
    pub(super) fn banner(&mut self) -> Result<(), S::Error> {
        let hello = self.hello();
        let written = write!(
            self.serial,
            "\r\nfer firmware {}  model {} {:08x}  arena {} bytes  protocol {PROTOCOL_VERSION}\r\n",
            hello.firmware, hello.model, hello.model_crc, hello.arena_bytes
        );
        unformatted(written)?;
        self.serial.flush()
    }

    pub(super) fn hint(&mut self) -> Result<(), S::Error> {
        let written = write!(self.serial, "send faces with: host-trainer monitor --port THIS_PORT IMAGE...\r\n");
        unformatted(written)?;
        self.serial.flush()
    }

    pub(super) fn print(&mut self, result: &Classified, sequence: u32) -> Result<(), S::Error> {
        unformatted(write!(self.serial, "{}\r\n", ReadoutLine { result, sequence }))?;
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
