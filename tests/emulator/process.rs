//! A board's program in a process of its own, with standard input and output for a serial port.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use super::compile::{root, target_directory};

/// No board is silent for longer than this, startup and inference on a busy machine included.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running board; it ends with this value, however the test ends.
pub struct Board {
    process: Child,
    /// The other end of its serial port; reading and writing fail after [`PATIENCE`].
    pub port: UnixStream,
}

impl Drop for Board {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the program of mps2 in QEMU's `machine` (`mps2-an386`, `mps2-an505`), as `cargo run` does.
pub fn mps2(machine: &str, program: &Path) -> Board {
    start(&mut mps2_command(machine, program))
}

/// The same with instructions that take 64 ns each, and sleep that takes none of the host's time.
pub fn mps2_without_sleep(machine: &str, program: &Path) -> Board {
    start(mps2_command(machine, program).args(["-icount", "shift=6,sleep=off"]))
}

fn mps2_command(machine: &str, program: &Path) -> Command {
    let mut command = Command::new("qemu-system-arm");
    command.args(["-machine", machine, "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel"]);
    command.arg(program);
    command
}

/// Starts the image of the board `rpi3` in QEMU.
pub fn rpi3(image: &Path) -> Board {
    let mut command = Command::new("qemu-system-aarch64");
    command.args(["-machine", "raspi3b", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel"]);
    start(command.arg(image))
}

/// Starts a program of the board `pico` in rp2040js.
pub fn pico(program: &Path) -> Board {
    let mut command = Command::new("node");
    // rp2040js was installed there.
    command.env("CARGO_TARGET_DIR", target_directory());
    start(command.arg(root().join("tests/emulator/rp2040.mjs")).arg(program))
}

/// Starts the program of the board `linux`, compiled for this machine.
pub fn linux(program: &Path) -> Board {
    start(&mut Command::new(program))
}

/// Starts a program for Linux on AArch64 in QEMU, on a processor like `cortex-a53`.
pub fn linux_aarch64(processor: &str, program: &Path) -> Board {
    start(Command::new("qemu-aarch64").args(["-L", "/usr/aarch64-linux-gnu", "-cpu", processor]).arg(program))
}

/// Starts a program for Linux on 32-bit Arm in QEMU, on a processor like `arm1176`.
pub fn linux_arm(processor: &str, program: &Path) -> Board {
    start(Command::new("qemu-arm").args(["-L", "/usr/arm-linux-gnueabihf", "-cpu", processor]).arg(program))
}

fn start(command: &mut Command) -> Board {
    let (port, board) = UnixStream::pair().unwrap();
    port.set_read_timeout(Some(PATIENCE)).unwrap();
    port.set_write_timeout(Some(PATIENCE)).unwrap();
    let output = board.try_clone().unwrap();
    let process = command
        .stdin(OwnedFd::from(board))
        .stdout(OwnedFd::from(output))
        .spawn()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    Board { process, port }
}
