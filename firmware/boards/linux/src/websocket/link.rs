//! The bytes of the serial link in the binary messages of a WebSocket, which may cut them anywhere.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tungstenite::{
    Bytes, Error, Message, WebSocket,
    error::ProtocolError,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

/// Most bytes of a message: many times what a request takes.
pub const MOST_BYTES: usize = 64 << 10;

/// What is written without a flush leaves in messages of this many bytes.
const MESSAGE_BYTES: usize = 4096;

/// How long a host that is let go may still send before its connection is cut.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a host that has to leave may take to hear why.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Most bytes of the words in a close frame (RFC 6455, 5.5).
const MOST_REASON: usize = 123;

/// Close code for a host whose place a newer one took; from the range that RFC 6455 leaves to applications.
const REPLACED: u16 = 4000;

/// A stream that gives up at a time, if there is one.
fn read_until(mut stream: &TcpStream, until: Option<Instant>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        if let Some(until) = until {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
        }
        match stream.read(buffer) {
            // A program that was stopped and goes on finds a read with a time limit interrupted (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What leaves: the device's bytes, and answers to pings and farewells. Each frame is written whole.
#[derive(Debug)]
struct Sending {
    stream: TcpStream,
    /// The farewell was said, and nothing may follow.
    closing: bool,
}

impl Sending {
    fn frame(&mut self, frame: Frame) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(frame.len());
        frame.format(&mut bytes).map_err(io::Error::other)?;
        self.stream.write_all(&bytes)
    }
}

/// A close frame.
fn farewell(code: CloseCode, reason: &str) -> Frame {
    let reason = &reason[..reason.floor_char_boundary(MOST_REASON)];
    Frame::close(Some(CloseFrame { code, reason: reason.into() }))
}

/// A lock whose holder panicked holds a stream as good as any.
fn lock(sending: &Mutex<Sending>) -> MutexGuard<'_, Sending> {
    sending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection as the WebSocket's own protocol uses it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    sending: Arc<Mutex<Sending>>,
    until: Option<Instant>,
}

impl Connection {
    /// A connection whose host must have greeted by `until`.
    pub fn new(stream: TcpStream, until: Instant) -> io::Result<Self> {
        let sending = Arc::new(Mutex::new(Sending { stream: stream.try_clone()?, closing: false }));
        Ok(Self { stream, sending, until: Some(until) })
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_until(&self.stream, self.until, buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // All of it, so that no message of the device comes between the parts of a frame.
        lock(&self.sending).stream.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The parts of a link: what arrives, what leaves, and how it is ended from outside.
pub fn split(mut socket: WebSocket<Connection>) -> io::Result<(Incoming, Outgoing, Ending)> {
    let connection = socket.get_mut();
    connection.until = None;
    connection.stream.set_read_timeout(None)?;
    let ending = Ending { stream: connection.stream.try_clone()?, sending: connection.sending.clone() };
    let outgoing = Outgoing { sending: connection.sending.clone(), message: Vec::new() };
    Ok((Incoming { socket, rest: Bytes::new() }, outgoing, ending))
}

/// What a host sends.
#[derive(Debug)]
pub struct Incoming {
    socket: WebSocket<Connection>,
    /// What was not read yet of a message.
    rest: Bytes,
}

impl Incoming {
    /// Tells the host why the link ends.
    fn refuse(&self, code: CloseCode, reason: &str) -> io::Error {
        let mut sending = lock(&self.socket.get_ref().sending);
        // A host that cannot be told is gone.
        if !std::mem::replace(&mut sending.closing, true) {
            let _ = sending.frame(farewell(code, reason));
        }
        io::Error::new(ErrorKind::InvalidData, reason)
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => self.rest = bytes,
                Ok(Message::Text(_)) | Err(Error::Utf8(_)) => {
                    let reason = "a text message; the link is binary messages with the bytes of the serial link";
                    return Err(self.refuse(CloseCode::Unsupported, reason));
                }
                // The next call answers, and then says that the connection is closed.
                Ok(Message::Close(_)) => lock(&self.socket.get_ref().sending).closing = true,
                // It answers a ping as well.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(0),
                // A browser that was killed.
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return Ok(0),
                Err(Error::Io(error)) if error.kind() == ErrorKind::ConnectionReset => return Ok(0),
                Err(Error::Io(error)) => return Err(error),
                Err(Error::Capacity(_)) => {
                    let reason = format!("a message of more than {MOST_BYTES} bytes; send it in parts");
                    return Err(self.refuse(CloseCode::Size, &reason));
                }
                Err(error) => return Err(self.refuse(CloseCode::Protocol, &error.to_string())),
            }
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        linger(&self.socket.get_ref().stream);
    }
}

/// Closes a connection whose host may still be sending: closed at once, what was said last would be lost with what it sends (RFC 1122,
/// 4.2.2.13).
pub fn linger(stream: &TcpStream) {
    let until = Some(Instant::now() + FAREWELL);
    // An error means that it is closed already.
    let _ = stream.shutdown(Shutdown::Write);
    let mut buffer = [0; 4096];
    while matches!(read_until(stream, until, &mut buffer), Ok(1..)) {}
    let _ = stream.shutdown(Shutdown::Both);
}

/// What the device sends: a message at every flush.
#[derive(Debug)]
pub struct Outgoing {
    sending: Arc<Mutex<Sending>>,
    message: Vec<u8>,
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.message.extend(bytes);
        if self.message.len() >= MESSAGE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let message = std::mem::take(&mut self.message);
        let mut sending = lock(&self.sending);
        // After a farewell the host listens no more; whoever reads from it finds the end.
        if message.is_empty() || sending.closing {
            return Ok(());
        }
        sending.frame(Frame::message(message, OpCode::Data(Data::Binary), true))
    }
}

/// Ends a link from outside.
#[derive(Debug)]
pub struct Ending {
    stream: TcpStream,
    sending: Arc<Mutex<Sending>>,
}

impl Ending {
    /// Tells the host that another took its place, if it listens, and closes the connection.
    pub fn replace(self) {
        let until = Instant::now() + LAST_WORDS;
        // A host that takes nothing any more holds the lock for as long as its connection stands.
        let sending = loop {
            match self.sending.try_lock() {
                Ok(sending) => break Some(sending),
                Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                Err(_) => break None,
            }
        };
        if let Some(mut sending) = sending {
            let _ = sending.stream.set_write_timeout(Some(LAST_WORDS));
            if !sending.closing {
                let _ = sending.frame(farewell(CloseCode::Library(REPLACED), "a newer host took over"));
            }
            // While the lock is held, so that nothing follows.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        // An error means that it is closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
