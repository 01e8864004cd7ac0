//! The firmware as a program for Raspberry Pi OS and other Linux: pictures and faces in and emotions out on a serial port, a pty, a
//! TCP port, a WebSocket, or standard input and output; or a camera in, and emotions out.

// Output that fails is an error and no panic.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod camera;
mod models;
mod serial;
mod tcp;
mod websocket;

use std::{
    io::{ErrorKind, Write, stderr, stdin, stdout},
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use cameras::Turn;
use clap::{CommandFactory, Parser, error::ErrorKind as UsageError};
use firmware::{
    camera::FrameSize,
    device::{Board, Clock, Device, Sight},
    engine::Engine,
    finder::{
        frame::{MOST_COLUMNS, MOST_ROWS},
        search::memory_bytes,
    },
};
use serialport::{SerialPort, TTYPort};
use shared::{
    finder::Finder,
    model::{Aligned, AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::Running,
};

use self::{camera::Frames, models::Models, serial::Serial, websocket::Origin};

/// The model that comes with the program.
static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../models/pi.fer"));

/// The finder that comes with the program.
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../models/finder.ferf"));

/// The largest picture that the finder takes.
const LARGEST: FrameSize = FrameSize { columns: MOST_COLUMNS as u16, rows: MOST_ROWS as u16 };

/// Drawn faces, shown to a person who looks at the port.
static DEMO_FACES: &[u8] = include_bytes!("../../../models/demo_faces.bin");

/// Between two looks at an idle port: too short to notice, long enough to leave the processor alone.
const IDLE: Duration = Duration::from_millis(1);

/// A facial expression recognizer at a serial port.
#[derive(Parser, Debug)]
#[command(name = "fer-linux", version, about)]
struct Arguments {
    /// Serial device, such as /dev/ttyAMA0 or /dev/ttyGS0
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["pty", "tcp", "websocket"])]
    port: Option<String>,
    /// Bits a second of the serial device
    #[arg(long, value_name = "N", default_value_t = 115_200, conflicts_with_all = ["pty", "tcp", "websocket"])]
    baud: u32,
    /// Make a pseudo-terminal and print its path
    #[arg(long, conflicts_with_all = ["tcp", "websocket"])]
    pty: bool,
    /// Listen on a TCP port; one host at a time, the newest; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "websocket")]
    tcp: Option<String>,
    /// Listen for pages in browsers, at an address of this machine alone such as 127.0.0.1:7000; one host at a time, the newest; port 0
    /// takes a free one and prints it
    #[arg(long, value_name = "ADDRESS:PORT")]
    websocket: Option<String>,
    /// Let pages of this origin in; can be given several times [default: pages that this machine serves]
    #[arg(long, value_name = "https://HOST", requires = "websocket")]
    allow_origin: Vec<Origin>,
    /// Listen at an address that other machines reach: any of them can send pictures, and models with --models
    #[arg(long, requires = "websocket")]
    websocket_anyone: bool,
    /// A model file [default: the one that was uploaded last, or pi, which comes with the program]
    #[arg(long, value_name = "FILE.fer", conflicts_with = "models")]
    model: Option<PathBuf>,
    /// Take models that hosts upload, and keep them in this folder [default: $STATE_DIRECTORY, which systemd sets for a service]
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// A finder file [default: the one that comes with the program]
    #[arg(long, value_name = "FILE.ferf")]
    finder: Option<PathBuf>,
    /// Look through a camera, such as /dev/video0; - is a video (Y4M or MJPEG) on standard input, and then, without a port, standard
    /// output alone speaks
    #[arg(long, value_name = "DEVICE")]
    camera: Option<PathBuf>,
    /// Turn the camera's pictures clockwise: 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES", requires = "camera", value_parser = turn)]
    rotate: Option<Turn>,
}

fn turn(degrees: &str) -> Result<Turn, String> {
    match degrees {
        "90" => Ok(Turn::Quarter),
        "180" => Ok(Turn::Half),
        "270" => Ok(Turn::ThreeQuarters),
        _ => Err("90, 180 or 270".into()),
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where this cannot be written, nothing can.
            let _ = writeln!(stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let file = arguments.model.as_deref().map(read).transpose()?;
    let model = Model::parse(file.as_ref().map_or(&MODEL.0, AlignedBytes::as_slice));
    let model = model.with_context(|| {
        arguments.model.as_ref().map_or_else(|| "the built-in model".into(), |path| path.display().to_string())
    })?;
    let file = arguments.finder.as_deref().map(read).transpose()?;
    let finder = Finder::parse(file.as_ref().map_or(&FINDER.0, AlignedBytes::as_slice));
    let finder = finder.with_context(|| {
        arguments.finder.as_ref().map_or_else(|| "the built-in finder".into(), |path| path.display().to_string())
    })?;
    let open = |name: &PathBuf| Frames::open(name, arguments.rotate.unwrap_or_default(), LARGEST);
    let mut frames = arguments.camera.as_ref().map(open).transpose()?;
    let mut models = models(arguments)?;
    let mut device = |frames: Option<&mut Frames>, uploads: bool, serial: Serial| {
        serve(&model, models.as_mut().map(|models| (models, uploads)), &finder, frames, serial)
    };
    if let Some(name) = &arguments.port {
        let port = serialport::new(name, arguments.baud).timeout(Duration::from_secs(3600)).open();
        let port = port.map_err(|error| {
            let hint = match error.kind() {
                serialport::ErrorKind::Io(ErrorKind::NotFound) => "is the device plugged in?",
                serialport::ErrorKind::Io(ErrorKind::PermissionDenied) => "is this user in its group, mostly dialout?",
                serialport::ErrorKind::NoDevice => "does another program hold the port?",
                _ => "is it a serial port?",
            };
            anyhow::Error::from(error).context(format!("{name} ({hint})"))
        })?;
        let reader = port.try_clone().with_context(|| name.clone())?;
        return device(frames.as_mut(), true, Serial::new(reader, port));
    }
    if arguments.pty {
        let (mut master, slave) = TTYPort::pair().context("no pseudo-terminal")?;
        say(slave.name().context("the pseudo-terminal has no name")?)?;
        master.set_timeout(Duration::from_secs(3600))?;
        let reader = master.try_clone_native()?;
        // The other end stays open here, so that hosts can come and go.
        let result = device(frames.as_mut(), true, Serial::new(reader, master));
        drop(slave);
        return result;
    }
    if let Some(address) = &arguments.tcp {
        let listener = listen(&addresses(address)?, address)?;
        say(listener.local_addr()?)?;
        for (stream, host) in tcp::hosts(listener) {
            let reader = stream.try_clone()?;
            left(host, device(frames.as_mut(), true, Serial::new(reader, stream)));
        }
        return Ok(());
    }
    if let Some(address) = &arguments.websocket {
        let addresses = addresses(address)?;
        if !arguments.websocket_anyone {
            only_here(address, &addresses);
        }
        let listener = listen(&addresses, address)?;
        say(format_args!("ws://{}", listener.local_addr()?))?;
        for host in websocket::hosts(listener, arguments.allow_origin.clone()) {
            left(host.address, device(frames.as_mut(), host.uploads, Serial::new(host.incoming, host.outgoing)));
        }
        return Ok(());
    }
    let Some(frames) = frames.as_mut() else { return device(None, true, Serial::new(stdin(), stdout())) };
    if !frames.on_standard_input() {
        return device(Some(frames), true, Serial::new(stdin(), stdout()));
    }
    let end = frames.end();
    device(Some(frames), true, Serial::without_host(end, stdout()))?;
    match frames.failure() {
        Some(problem) => Err(anyhow!("{problem}")),
        None => Ok(()),
    }
}

/// What an address and a port stand for.
fn addresses(text: &str) -> anyhow::Result<Vec<SocketAddr>> {
    let addresses = text.to_socket_addrs().map_err(|error| no_port(error, text))?;
    Ok(addresses.collect())
}

/// A port at the first of the addresses that can be listened at.
fn listen(addresses: &[SocketAddr], text: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addresses).map_err(|error| no_port(error, text))
}

fn no_port(error: std::io::Error, text: &str) -> anyhow::Error {
    let system = error.raw_os_error().is_some();
    let hint = if system { "" } else { " (an address and a port are needed, such as 0.0.0.0:7000)" };
    anyhow::Error::from(error).context(format!("{text}{hint}"))
}

/// Ends the program for wrong usage if other machines reach one of the addresses.
fn only_here(text: &str, addresses: &[SocketAddr]) {
    if addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
        return;
    }
    let words = format!(
        "--websocket {text}: any machine of the network could send pictures there, and models with --models; --websocket-anyone allows \
         it, and 127.0.0.1 in place of the address lets in this machine alone"
    );
    Arguments::command().error(UsageError::ValueValidation, words).exit()
}

/// A host that goes away is no fault of the device: it waits for the next.
fn left(host: SocketAddr, result: anyhow::Result<()>) {
    if let Err(error) = result {
        let _ = writeln!(stderr(), "{host}: {error:#}");
    }
}

/// The folder of uploaded models, if there is one.
fn models(arguments: &Arguments) -> anyhow::Result<Option<Models>> {
    let of_service = || std::env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = match (&arguments.models, &arguments.model) {
        (Some(folder), _) => Some(folder.clone()),
        (None, Some(_)) => None,
        (None, None) => of_service(),
    };
    folder.map(|folder| Models::open(&folder)).transpose()
}

/// A model or finder file, where it can be parsed in place.
fn read(path: &Path) -> anyhow::Result<AlignedBytes> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(AlignedBytes::new(&bytes))
}

/// Prints where the program can be reached.
fn say(place: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(stdout(), "{place}").and_then(|()| stdout().flush()).context("standard output")
}

/// Runs the device until the link ends, with the newest uploaded model that runs, or else with `model`. Beside the folder of models
/// stands whether this host may put one there.
fn serve(
    model: &Model<'_>,
    mut models: Option<(&mut Models, bool)>,
    finder: &Finder<'_>,
    mut camera: Option<&mut Frames>,
    mut serial: Serial,
) -> anyhow::Result<()> {
    let least = models.as_ref().map_or(0, |_| models::ARENA_BYTES) as usize;
    let finders = memory_bytes(finder, MOST_COLUMNS, MOST_ROWS)?.max(least);
    let mut arena = vec![0; finders.max(Engine::arena_bytes(model)? as usize)];
    let mut picture = vec![0; LARGEST.pixels()];
    let (demo_faces, _) = DEMO_FACES.as_chunks::<FACE_PIXELS>();
    let boot = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    let board = Board { stack_high_water: None, demo_faces, demo_interval_us: 1_000_000, boot };
    let start = Instant::now();
    loop {
        let (running, uploaded) = models.as_ref().and_then(|(models, _)| newest(models, &arena)).unzip();
        let uploaded = uploaded.as_ref().map(|bytes: &AlignedBytes| Model::parse(bytes.as_slice())).transpose()?;
        let engine = Engine::new(uploaded.as_ref().unwrap_or(model), &mut arena)?;
        let sight = Sight { finder: *finder, picture: &mut picture, largest: LARGEST, camera: camera.as_deref_mut() };
        let mut device = Device::new(engine, &mut serial, Uptime(start), board).with_sight(sight)?;
        if let Some((models, true)) = &mut models {
            models.runs(running.unwrap_or(Running::BuiltIn));
            device = device.with_store(*models);
        }
        while !device.is_replaced() {
            match device.poll() {
                Ok(()) => thread::sleep(IDLE),
                Err(serial::LinkError::Ended) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The newest uploaded model that runs, and its place.
fn newest(models: &Models, arena: &[i8]) -> Option<(Running, AlignedBytes)> {
    let runs = |path: &Path, bytes: &AlignedBytes| {
        let need = Model::parse(bytes.as_slice()).map_err(|error| error.to_string());
        let need = need.and_then(|model| Engine::arena_bytes(&model).map_err(|error| error.to_string()));
        let problem = match need {
            Ok(need) if need as usize <= arena.len() => return true,
            Ok(need) => format!("it needs {need} bytes of memory, and there are {}", arena.len()),
            Err(problem) => problem,
        };
        let _ = writeln!(stderr(), "{}: {problem}; an older model runs", path.display());
        false
    };
    models.models().find(|(_, path, bytes)| runs(path, bytes)).map(|(place, _, bytes)| (place, bytes))
}

/// Time since the device started.
struct Uptime(Instant);

impl Clock for Uptime {
    fn microseconds(&mut self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}
