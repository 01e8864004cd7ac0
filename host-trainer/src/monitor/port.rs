//! Where a device can be reached.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    time::Duration,
};

use serialport::SerialPort;

/// Time limit of a read.
const READ_TIMEOUT: Duration = Duration::from_millis(20);

/// An open link to a device.
#[derive(Debug)]
pub enum Port {
    /// A serial port or a pty.
    Serial(Box<dyn SerialPort>),
    /// A TCP connection.
    Tcp(TcpStream),
}

/// Opens `tcp:HOST:PORT`, or a serial port or pty by its path (`/dev/ttyACM0`, `COM3`). A TCP host may take `timeout` to accept
/// the connection, and as long to take what is written.
///
/// # Errors
/// An error with the name of the port and the remedy.
pub fn open(port: &str, baud: u32, timeout: Duration) -> io::Result<Port> {
    let named = |kind, error: &str, hint: &str| io::Error::new(kind, format!("{port}: {error}; {hint}"));
    let scheme = port.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("tcp"));
    if let Some((_, address)) = scheme {
        // As in a URL.
        let address = address.strip_prefix("//").unwrap_or(address);
        let connected = connect(address, timeout);
        let stream = connected.map_err(|error| named(error.kind(), &error.to_string(), tcp_hint(error.kind())))?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_write_timeout(Some(timeout))?;
        stream.set_nodelay(true)?;
        return Ok(Port::Tcp(stream));
    }
    let opened = serialport::new(port, baud).timeout(READ_TIMEOUT).open();
    opened.map(Port::Serial).map_err(|error| {
        let hint = serial_hint(port, error.kind());
        named(io::Error::from(error.clone()).kind(), &error.description, &hint)
    })
}

/// Connects to the first of a host's addresses that accepts.
fn connect(address: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn tcp_hint(error: ErrorKind) -> &'static str {
    match error {
        ErrorKind::ConnectionRefused => "nothing listens there; is `fer-linux --tcp` running?",
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "is the device on and in this network? --timeout says how long to wait"
        }
        _ => "a TCP port is written tcp:HOST:PORT",
    }
}

fn serial_hint(port: &str, error: serialport::ErrorKind) -> String {
    use serialport::ErrorKind::{Io, NoDevice};
    match error {
        Io(ErrorKind::NotFound) if is_address(port) => format!("a TCP port is written tcp:{port}"),
        Io(ErrorKind::NotFound) => "is the device plugged in?".into(),
        Io(ErrorKind::PermissionDenied) => permission_hint(Path::new(port)),
        NoDevice => "does another program hold the port?".into(),
        _ => "is it a serial port?".into(),
    }
}

/// Whether a name is more like HOST:PORT than like a file.
fn is_address(port: &str) -> bool {
    let number = port.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, number)| number.parse::<u16>());
    !port.contains('/') && matches!(number, Some(Ok(_)))
}

/// Who may open a port, and how one becomes such a user.
#[cfg(unix)]
fn permission_hint(port: &Path) -> String {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
    };
    const GROUP_READS_AND_WRITES: u32 = 0o060;
    let Ok(metadata) = fs::metadata(port) else { return "who may open it?".into() };
    if metadata.permissions().mode() & GROUP_READS_AND_WRITES != GROUP_READS_AND_WRITES {
        return "its owner alone may open it".into();
    }
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let group = group_name(&groups, metadata.gid()).unwrap_or("dialout");
    format!("it belongs to the group {group}: join it (sudo usermod -aG {group} $USER) and log in again")
}

#[cfg(not(unix))]
fn permission_hint(_: &Path) -> String {
    "does another program hold the port?".into()
}

/// The name of a group in the text of `/etc/group`: `name:password:number:users`.
fn group_name(groups: &str, number: u32) -> Option<&str> {
    let mut lines = groups.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then_some(name)
    })
}

/// Turns everything that systems report for a lost device or a closed end into one error.
fn ended(read: io::Result<usize>) -> io::Result<usize> {
    let gone = match &read {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::BrokenPipe
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::NotConnected
                | ErrorKind::UnexpectedEof
        ),
    };
    if gone {
        let words = "the device is gone, or its end of the link was closed; check the line to it and start again";
        return Err(io::Error::new(ErrorKind::UnexpectedEof, words));
    }
    read
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        ended(match self {
            Port::Serial(port) => port.read(buffer),
            Port::Tcp(stream) => stream.read(buffer),
        })
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        ended(match self {
            Port::Serial(port) => port.write(bytes),
            Port::Tcp(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Port::Serial(port) => port.flush(),
            Port::Tcp(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);

    fn refused(port: &str) -> String {
        open(port, 115_200, SHORT).expect_err("it cannot be opened").to_string()
    }

    #[test]
    fn a_port_that_cannot_be_opened_is_named_with_what_to_do() {
        let error = refused("127.0.0.1:7000");
        assert!(error.starts_with("127.0.0.1:7000: ") && error.contains("tcp:127.0.0.1:7000"), "{error}");
        assert!(refused("/dev/no-such-port").ends_with("is the device plugged in?"));
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = refused(&file.path().display().to_string());
        assert!(error.ends_with("is it a serial port?"), "{error}");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let error = refused(&format!("tcp:{free}"));
        assert!(error.starts_with(&format!("tcp:{free}: ")) && error.contains("fer-linux --tcp"), "{error}");
        for spelled in [format!("tcp://{free}"), format!("TCP:{free}")] {
            assert!(refused(&spelled).contains("nothing listens there"), "{spelled}");
        }
        assert!(refused("tcp:nowhere").ends_with("a TCP port is written tcp:HOST:PORT"));
    }

    #[test]
    fn addresses_are_told_from_ports() {
        assert!(["127.0.0.1:7000", "raspberrypi.local:7000", "[::1]:7000"].into_iter().all(is_address));
        assert!(!["COM3", "/dev/ttyACM0", "/dev/serial/by-id/usb-a:7", ":7000", "COM3:"].into_iter().any(is_address));
    }

    #[test]
    fn the_group_of_a_port_is_named() {
        let groups = "root:x:0:\ntty:x:5:syslog\ndialout:x:20:ann,bob\nbroken\n";
        assert_eq!(group_name(groups, 20), Some("dialout"));
        assert_eq!((group_name(groups, 0), group_name(groups, 7)), (Some("root"), None));
    }

    #[cfg(unix)]
    #[test]
    fn a_port_without_permission_names_the_group_if_the_group_may() {
        use std::{
            fs,
            os::unix::fs::{MetadataExt, PermissionsExt},
        };
        let file = tempfile::NamedTempFile::new().expect("a file");
        let hint = |mode: u32| {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("set");
            permission_hint(file.path())
        };
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        let gid = fs::metadata(file.path()).expect("there").gid();
        let group = group_name(&groups, gid).unwrap_or("dialout");
        assert!(hint(0o660).contains(&format!("the group {group}: ")), "{}", hint(0o660));
        assert_eq!(hint(0o600), "its owner alone may open it");
    }

    #[test]
    fn every_end_of_a_link_is_the_same_error() {
        let words = |read: io::Result<usize>| ended(read).map_err(|error| (error.kind(), error.to_string()));
        let expected = words(Ok(0));
        assert!(expected.is_err());
        for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted] {
            assert_eq!(words(Err(kind.into())), expected, "{kind:?}");
        }
        assert_eq!(words(Ok(3)), Ok(3));
        assert!(matches!(words(Err(ErrorKind::TimedOut.into())), Err((ErrorKind::TimedOut, _))));
    }
}
