//! A link over blocking streams that can tell whether something has arrived.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, ErrorKind, Read, Write},
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread,
};

/// A link over a pair of streams; a thread of its own waits for what arrives.
pub struct Serial {
    incoming: Receiver<io::Result<Vec<u8>>>,
    pending: VecDeque<u8>,
    outgoing: Box<dyn Write>,
}

/// Why a link is over.
#[derive(Debug)]
pub enum LinkError {
    /// The other side closed it.
    Ended,
    /// It broke.
    Broken(io::Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Ended => write!(f, "the link was closed"),
            LinkError::Broken(error) => write!(f, "the link broke: {error}"),
        }
    }
}

impl std::error::Error for LinkError {}

impl embedded_io::Error for LinkError {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            LinkError::Ended => embedded_io::ErrorKind::BrokenPipe,
            LinkError::Broken(_) => embedded_io::ErrorKind::Other,
        }
    }
}

impl Serial {
    /// Reads from `reader` and writes to `writer`.
    pub fn new(mut reader: impl Read + Send + 'static, writer: impl Write + 'static) -> Self {
        let (arrived, incoming) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let result = match reader.read(&mut buffer) {
                    // The end of the stream: the sender is dropped with this thread.
                    Ok(0) => return,
                    Ok(count) => Ok(buffer[..count].to_vec()),
                    Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => continue,
                    Err(error) => Err(error),
                };
                let failed = result.is_err();
                if arrived.send(result).is_err() || failed {
                    return;
                }
            }
        });
        Self { incoming, pending: VecDeque::new(), outgoing: Box::new(writer) }
    }

    /// Only writes, to `writer`, until the other end of `end` is dropped.
    pub fn without_host(end: Receiver<()>, writer: impl Write + 'static) -> Self {
        let (arrived, incoming): (Sender<io::Result<Vec<u8>>>, _) = channel();
        thread::spawn(move || {
            // Nothing ever comes but the end, with which this thread drops the sender.
            let _ = end.recv();
            drop(arrived);
        });
        Self { incoming, pending: VecDeque::new(), outgoing: Box::new(writer) }
    }
}

impl embedded_io::ErrorType for Serial {
    type Error = LinkError;
}

impl embedded_io::ReadReady for Serial {
    fn read_ready(&mut self) -> Result<bool, LinkError> {
        if self.pending.is_empty() {
            match self.incoming.try_recv() {
                Ok(bytes) => self.pending.extend(bytes.map_err(LinkError::Broken)?),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(LinkError::Ended),
            }
        }
        Ok(!self.pending.is_empty())
    }
}

impl embedded_io::Read for Serial {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        if self.pending.is_empty() {
            let bytes = self.incoming.recv().map_err(|_| LinkError::Ended)?;
            self.pending.extend(bytes.map_err(LinkError::Broken)?);
        }
        Read::read(&mut self.pending, buffer).map_err(LinkError::Broken)
    }
}

impl embedded_io::Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, LinkError> {
        self.outgoing.write(bytes).map_err(write_error)
    }

    fn flush(&mut self) -> Result<(), LinkError> {
        self.outgoing.flush().map_err(write_error)
    }
}

/// A host that closed its end while the device was talking is an end, not a fault.
fn write_error(error: io::Error) -> LinkError {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => LinkError::Ended,
        _ => LinkError::Broken(error),
    }
}
