//! A board's program in a process of its own, with a TCP connection for a serial port.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// No board takes longer to start, or to say something, than this.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running board; it ends with this value, however the test ends.
pub struct Board {
    process: Child,
    /// Its serial port; reading fails after [`PATIENCE`].
    pub port: TcpStream,
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the mps2 image `program` in QEMU.
///
/// QEMU calls back, so no free port has to be guessed. `nodelay`, because it writes the serial port byte by byte.
pub fn mps2(program: &Path) -> Board {
    let listener = listen();
    let serial = format!("tcp:127.0.0.1:{},nodelay=on", listener.local_addr().unwrap().port());
    let mut command = Command::new("qemu-system-arm");
    command.args(["-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", &serial, "-kernel"]);
    command.arg(program);
    start(command, &listener)
}

fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// Spawns `command` and waits until it has connected.
fn start(mut command: Command, listener: &TcpListener) -> Board {
    let mut process = command
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((port, _)) => {
                port.set_nonblocking(false).unwrap();
                port.set_nodelay(true).unwrap();
                port.set_read_timeout(Some(PATIENCE)).unwrap();
                return Board { process, port };
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
        if let Some(status) = process.try_wait().unwrap() {
            panic!("{:?} ended with {status} before it connected", command.get_program());
        }
        if Instant::now() > deadline {
            let _ = process.kill();
            panic!("{:?} has not connected after {PATIENCE:?}", command.get_program());
        }
        sleep(Duration::from_millis(10));
    }
}
