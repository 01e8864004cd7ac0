//! A Pico at a USB host of our own, `usb.mjs`, which does what it is told.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::boards::Board;
use super::process::{PATIENCE, Running, file, start};

/// A board, its USB port, and the host that it is plugged into.
pub struct UsbBoard {
    /// The board, with UART0.
    pub board: Running,
    /// The USB port, while it is plugged in.
    pub port: UnixStream,
    commands: BufReader<UnixStream>,
}

/// What a device tells about itself.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Description {
    /// Its device descriptor.
    pub device: Vec<u8>,
    /// Its configuration descriptor, with those of its interfaces and endpoints.
    pub configuration: Vec<u8>,
    /// Manufacturer, product and serial number.
    pub strings: [Option<String>; 3],
}

/// What passed through the port since startup.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Bytes that were taken, and packets.
    pub out_bytes: u64,
    pub out_packets: u64,
    /// Packets that were refused for now.
    pub out_refused: u64,
    /// Nanoseconds in the interrupt's handler.
    pub handler: f64,
    /// Nanoseconds from startup until sending began last, and until the last packet came in.
    pub sending_since: f64,
    pub last_in: f64,
    /// Bytes that wait to be sent.
    pub queued: u64,
    /// The program has asked for the boot loader.
    pub boot_loader: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer<T> {
    Ok(T),
    Error(String),
}

impl UsbBoard {
    /// Starts a program that is not plugged in yet, with more arguments for its emulator, if any.
    pub fn start(board: &Board, program: &Path, more: &[&str]) -> Self {
        let path = file(&format!("usb-{:?}", thread::current().id()));
        let listener = UnixListener::bind(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let running = start(board, program, &[&["--usb", path.to_str().expect("a path in UTF-8")], more].concat());
        let [port, commands] = [(), ()].map(|()| accept(&listener));
        for stream in [&port, &commands] {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
        }
        fs::remove_file(path).unwrap();
        Self { board: running, port, commands: BufReader::new(commands) }
    }

    /// Has the host execute a command of `usb.mjs`.
    pub fn command<T: DeserializeOwned>(&mut self, command: &str) -> T {
        writeln!(self.commands.get_mut(), "{command}").unwrap();
        let mut line = String::new();
        self.commands.read_line(&mut line).expect("the host answers");
        match serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command}: {error}: {line}")) {
            Answer::Ok(value) => value,
            Answer::Error(error) => panic!("{command}: {error}"),
        }
    }

    /// Has the host execute commands without an answer.
    pub fn tell(&mut self, commands: &[&str]) {
        for command in commands {
            let () = self.command(command);
        }
    }

    /// Plugs it in, or resets it.
    pub fn plug(&mut self) -> Description {
        self.command("plug")
    }

    /// Plugs it in and opens the port.
    pub fn plug_and_open(&mut self) {
        self.plug();
        self.tell(&["open"]);
    }

    /// Sends bytes, of which the device takes so many.
    pub fn send(&mut self, bytes: &[u8], taken: usize) {
        let before = self.counts().out_bytes;
        self.port.write_all(bytes).unwrap();
        while self.counts().out_bytes < before + taken as u64 {}
    }

    /// What passed through the port.
    pub fn counts(&mut self) -> Counts {
        self.command("counts")
    }

    /// The other end of the USB port.
    pub fn usb(&self) -> UnixStream {
        self.port.try_clone().unwrap()
    }

    /// The other end of UART0.
    pub fn uart(&self) -> UnixStream {
        self.board.port.try_clone().unwrap()
    }
}

/// The next connection, which an emulator that has ended never makes.
fn accept(listener: &UnixListener) -> UnixStream {
    listener.set_nonblocking(true).unwrap();
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                return stream;
            }
            Err(error) => assert!(start.elapsed() < PATIENCE, "the emulator does not connect: {error}"),
        }
        sleep(Duration::from_millis(10));
    }
}
