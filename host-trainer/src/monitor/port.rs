//! Where a device can be reached.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serialport::SerialPort;

/// What a read waits at most.
const READ_TIMEOUT: Duration = Duration::from_millis(20);

/// An open link to a device.
#[derive(Debug)]
pub enum Port {
    /// A serial port or a pty.
    Serial(Box<dyn SerialPort>),
    /// A TCP connection.
    Tcp(TcpStream),
}

/// Opens `tcp:HOST:PORT`, or a serial port or pty by its path (`/dev/ttyACM0`, `COM3`).
///
/// # Errors
/// With the name of the port in it.
pub fn open(port: &str, baud: u32) -> io::Result<Port> {
    let named =
        |error: String| io::Error::other(format!("{port}: {error}; is the device plugged in and the port free?"));
    if let Some(address) = port.strip_prefix("tcp:") {
        let stream = TcpStream::connect(address).map_err(|error| named(error.to_string()))?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_nodelay(true)?;
        return Ok(Port::Tcp(stream));
    }
    let opened = serialport::new(port, baud).timeout(READ_TIMEOUT).open();
    opened.map(Port::Serial).map_err(|error| named(error.to_string()))
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Port::Serial(port) => port.read(buffer),
            Port::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Port::Serial(port) => port.write(bytes),
            Port::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Port::Serial(port) => port.flush(),
            Port::Tcp(stream) => stream.flush(),
        }
    }
}
