//! A link in memory.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    time::{Duration, Instant},
};

use firmware::{
    camera::{Camera, FrameSize, NoCamera},
    device::{Board, Clock, Device, ModelStore, NoSight, Sight},
    engine::{Engine, EngineError},
    finder::{
        frame::{MOST_COLUMNS, MOST_ROWS},
        search::memory_bytes,
    },
};
use shared::{
    finder::Finder,
    model::{AlignedBytes, Model},
};

/// Time limit of a read on the host's end.
const READ_TIMEOUT: Duration = Duration::from_millis(5);

/// The host's end.
#[derive(Debug)]
pub struct HostEnd {
    incoming: Receiver<Vec<u8>>,
    pending: VecDeque<u8>,
    outgoing: Sender<Vec<u8>>,
}

/// The device's end.
#[derive(Debug)]
pub struct DeviceEnd {
    incoming: Receiver<Vec<u8>>,
    pending: VecDeque<u8>,
    outgoing: Sender<Vec<u8>>,
}

/// The other end of a pipe is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other end of the link is gone")]
pub struct PipeClosed;

impl embedded_io::Error for PipeClosed {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::BrokenPipe
    }
}

/// Both ends of a link.
pub fn pipe() -> (HostEnd, DeviceEnd) {
    let (to_device, from_host) = channel();
    let (to_host, from_device) = channel();
    (
        HostEnd { incoming: from_device, pending: VecDeque::new(), outgoing: to_device },
        DeviceEnd { incoming: from_host, pending: VecDeque::new(), outgoing: to_host },
    )
}

impl Read for HostEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.pending.is_empty() {
            match self.incoming.recv_timeout(READ_TIMEOUT) {
                Ok(bytes) => self.pending.extend(bytes),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        Read::read(&mut self.pending, buffer)
    }
}

impl Write for HostEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl embedded_io::ErrorType for DeviceEnd {
    type Error = PipeClosed;
}

impl embedded_io::ReadReady for DeviceEnd {
    fn read_ready(&mut self) -> Result<bool, PipeClosed> {
        if self.pending.is_empty() {
            match self.incoming.try_recv() {
                Ok(bytes) => self.pending.extend(bytes),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(PipeClosed),
            }
        }
        Ok(!self.pending.is_empty())
    }
}

impl embedded_io::Read for DeviceEnd {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, PipeClosed> {
        if self.pending.is_empty() {
            self.pending.extend(self.incoming.recv().map_err(|_| PipeClosed)?);
        }
        Read::read(&mut self.pending, buffer).map_err(|_| PipeClosed)
    }
}

impl embedded_io::Write for DeviceEnd {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, PipeClosed> {
        self.outgoing.send(bytes.to_vec()).map_err(|_| PipeClosed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), PipeClosed> {
        Ok(())
    }
}

/// Time since it was made.
struct HostClock(Instant);

impl Clock for HostClock {
    fn microseconds(&mut self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}

/// Runs a device with `model` at `end` until the host's end is gone.
///
/// # Errors
/// [`EngineError`] if the model cannot run.
pub fn run_device(model: &Model<'_>, end: DeviceEnd, board: Board) -> Result<(), EngineError> {
    let mut arena = vec![0; Engine::arena_bytes(model)? as usize];
    let engine = Engine::new(model, &mut arena)?;
    run(Device::new(engine, end, HostClock(Instant::now()), board));
    Ok(())
}

/// As [`run_device`], with a device that finds faces in pictures of up to 320x240, and perhaps has a camera. Model and finder work
/// in one arena.
///
/// # Errors
/// [`NoSight`] if the model or the finder cannot run.
pub fn run_seeing_device(
    model: &Model<'_>,
    finder: &Finder<'_>,
    camera: Option<impl Camera>,
    end: DeviceEnd,
    board: Board,
) -> Result<(), NoSight> {
    let need = memory_bytes(finder, MOST_COLUMNS, MOST_ROWS).map_err(NoSight::Arena)?;
    let need = need.max(Engine::arena_bytes(model).map_err(NoSight::Arena)? as usize);
    let (mut arena, mut picture) = (vec![0; need], vec![0; MOST_COLUMNS * MOST_ROWS]);
    let engine = Engine::new(model, &mut arena).map_err(NoSight::Arena)?;
    let largest = FrameSize { columns: MOST_COLUMNS as u16, rows: MOST_ROWS as u16 };
    let sight = Sight { finder: *finder, picture: &mut picture, largest, camera };
    run(Device::new(engine, end, HostClock(Instant::now()), board).with_sight(sight)?);
    Ok(())
}

/// As [`run_device`], with a device that takes models and has so many bytes of memory for their tensors. It runs what `newest` says that
/// its store holds, or else `built_in`; and it may have a boot loader.
///
/// # Errors
/// [`EngineError`] if a model cannot run.
pub fn run_keeping_device<S: ModelStore>(
    built_in: &Model<'_>,
    store: &mut S,
    newest: impl Fn(&S) -> Option<AlignedBytes>,
    arena_bytes: usize,
    mut end: DeviceEnd,
    (board, boot_loader): (Board, Option<fn() -> !>),
) -> Result<(), EngineError> {
    let (mut arena, mut clock) = (vec![0; arena_bytes], HostClock(Instant::now()));
    loop {
        let file = newest(store);
        let kept = file.as_ref().and_then(|file| Model::parse(file.as_slice()).ok());
        let engine = Engine::new(kept.as_ref().unwrap_or(built_in), &mut arena)?;
        let device: Device<'_, '_, _, _, NoCamera> = Device::new(engine, &mut end, &mut clock, board);
        let device = device.with_store(store);
        let mut device = match boot_loader {
            Some(start) => device.with_boot_loader(start),
            None => device,
        };
        while !device.is_replaced() {
            if device.poll().is_err() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

fn run(mut device: Device<'_, '_, DeviceEnd, HostClock, impl Camera>) {
    while device.poll().is_ok() {
        std::thread::sleep(Duration::from_micros(200));
    }
}
