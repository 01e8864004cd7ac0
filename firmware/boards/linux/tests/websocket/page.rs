//! What connects to the WebSocket.

use std::{
    collections::VecDeque,
    io::{self, Error, ErrorKind, Read, Write},
    net::TcpStream,
};

use tungstenite::{
    ClientRequestBuilder, Message, WebSocket, client,
    handshake::HandshakeError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::host::{Device, PATIENCE};

/// `address:port` of a device.
pub fn place(device: &Device) -> &str {
    device.address.strip_prefix("ws://").expect("a URL of a WebSocket")
}

pub fn connect(place: &str) -> TcpStream {
    let stream = TcpStream::connect(place).expect("accepted");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_nodelay(true).expect("set");
    stream
}

/// A connection that goes on where a test was stopped and continued: a read with a time limit ends then (signal(7)), and the WebSocket
/// takes that for a fault.
#[derive(Debug)]
pub struct Steady(pub TcpStream);

impl Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Write for Steady {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A page in a browser, as a stream of the bytes of the serial link.
#[derive(Debug)]
pub struct Page {
    pub socket: WebSocket<Steady>,
    arrived: VecDeque<u8>,
    /// Bytes of a message.
    pub piece: usize,
}

impl Page {
    /// A page of an origin, if it is let in, or else status and text of the answer.
    pub fn open(place: &str, origin: Option<&str>) -> Result<Self, (u16, String)> {
        Self::over(connect(place), place, origin)
    }

    /// The same over a connection that stands.
    pub fn over(connection: TcpStream, place: &str, origin: Option<&str>) -> Result<Self, (u16, String)> {
        let mut request = ClientRequestBuilder::new(format!("ws://{place}").parse().expect("a URL"));
        if let Some(origin) = origin {
            request = request.with_header("Origin", origin);
        }
        match client(request, Steady(connection)) {
            Ok((socket, _)) => Ok(Self { socket, arrived: VecDeque::new(), piece: usize::MAX }),
            Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8(body).expect("text")))
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub fn of(device: &Device, origin: &str) -> Self {
        Self::open(place(device), Some(origin)).expect("let in")
    }

    /// Reads until the device closes; the code and the words.
    pub fn farewell(&mut self) -> Option<(CloseCode, String)> {
        loop {
            match self.socket.read().expect("closed in words") {
                Message::Close(frame) => return frame.map(|CloseFrame { code, reason }| (code, reason.to_string())),
                Message::Binary(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Read for Page {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.arrived.is_empty() {
            match self.socket.read().map_err(Error::other)? {
                Message::Binary(bytes) => self.arrived.extend(bytes),
                other => panic!("{other:?} in place of bytes"),
            }
        }
        self.arrived.read(buffer)
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.chunks(self.piece) {
            self.socket.send(Message::binary(piece.to_vec())).map_err(Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
