//! Standard output and standard error, where a failure is an error like any other: `println!` would panic.

use std::{
    fmt,
    io::{self, ErrorKind, Write, stderr, stdout},
};

/// Standard output, for results.
pub fn out() -> Stream {
    Stream::Output
}

/// Standard error, for everything else.
pub fn err() -> Stream {
    Stream::Error
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// One of the two cannot be written any more.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", match stream { Stream::Output => "standard output", Stream::Error => "standard error" })]
struct StreamError {
    stream: Stream,
    error: io::Error,
}

impl Stream {
    /// An error that says which of the two cannot be written.
    pub fn named(self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), StreamError { stream: self, error })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Stream::Output => stdout().write(bytes),
            Stream::Error => stderr().write(bytes),
        };
        written.map_err(|error| if error.kind() == ErrorKind::Interrupted { error } else { self.named(error) })
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match self {
            Stream::Output => stdout().flush(),
            Stream::Error => stderr().flush(),
        };
        flushed.map_err(|error| self.named(error))
    }

    /// In one piece, so that lines of several writers do not mix.
    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        self.write_all(arguments.to_string().as_bytes())
    }
}

/// Whether an error says that nobody reads standard output any more, as when `head` has seen enough.
pub fn is_unread(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| {
        let stream = error.get_ref().and_then(|inner| inner.downcast_ref::<StreamError>());
        error.kind() == ErrorKind::BrokenPipe && matches!(stream, Some(StreamError { stream: Stream::Output, .. }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_standard_output_is_told_from_other_broken_pipes() {
        let broken = |stream: Stream| anyhow::Error::from(stream.named(ErrorKind::BrokenPipe.into()));
        assert!(is_unread(&broken(Stream::Output)));
        assert!(is_unread(&broken(Stream::Output).context("while a table was printed")));
        assert!(!is_unread(&broken(Stream::Error)));
        assert!(!is_unread(&io::Error::from(ErrorKind::BrokenPipe).into()), "of a serial port");
        let full = anyhow::Error::from(Stream::Output.named(ErrorKind::StorageFull.into()));
        assert!(!is_unread(&full) && full.to_string().starts_with("standard output: "), "{full}");
    }
}
