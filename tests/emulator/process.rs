//! A board's program in a process of its own, with standard input and output for a serial port.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use super::boards::Board;
use super::compile::{image, root, target_directory};

/// No board is silent for longer than this, startup, inference and a comparison of kernels on a busy machine included.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A running board; it ends with this value, however the test ends.
pub struct Running {
    process: Child,
    /// The other end of its serial port; reading and writing fail after [`PATIENCE`].
    pub port: UnixStream,
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A file of its own for what an emulator shows, or says.
pub fn file(name: &str) -> PathBuf {
    target_directory().join("tmp").join(format!("{}-{name}", std::process::id()))
}

/// Starts a program of the board as its row says, with more arguments for its emulator, if any.
pub fn start(board: &Board, program: &Path, more: &[&str]) -> Running {
    let mut words = board.command.split(' ').map(|word| match word {
        "{program}" => program.into(),
        "{image}" => image(program),
        word => word.into(),
    });
    let mut command = Command::new(words.next().expect("the row has a command"));
    // rp2040js was installed there.
    command.args(words).args(more).current_dir(root()).env("CARGO_TARGET_DIR", target_directory());
    let (port, other_end) = UnixStream::pair().unwrap();
    port.set_read_timeout(Some(PATIENCE)).unwrap();
    port.set_write_timeout(Some(PATIENCE)).unwrap();
    let output = other_end.try_clone().unwrap();
    let process = command
        .stdin(OwnedFd::from(other_end))
        .stdout(OwnedFd::from(output))
        .spawn()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    Running { process, port }
}
