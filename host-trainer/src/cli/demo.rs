//! After a training on synthetic faces: a device in memory classifies faces that the network has never seen, and what its
//! serial port says is shown.

use std::{io::Write, time::Duration};

use anyhow::anyhow;
use firmware::device::{Board, ReadoutLine};
use shared::{
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{Options, Output},
};

use super::output::out;
use crate::{
    data::{Source, Split},
    monitor::{Client, HostEnd, pipe, run_device},
    synthetic,
};

/// Faces that are shown.
const FACES: u64 = 7;

/// Time limit of a request; the device is this machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends held-out faces through the quantized model behind a serial link in memory, and prints a line per readout.
pub fn run(model: &AlignedBytes, source: &Source) -> anyhow::Result<()> {
    let Source::Synthetic(faces) = source else { return Ok(()) };
    let model = Model::parse(model.as_slice())?;
    let first = faces.training + faces.validation;
    writeln!(
        out(),
        "\nheld-out faces ({}) over a serial link in memory, as a device prints them:",
        Split::PrivateTest
    )?;
    let (host, end) = pipe();
    std::thread::scope(|scope| {
        let device = scope.spawn(|| {
            let board = Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 0 };
            run_device(&model, end, board)
        });
        let shown =
            talk(host, model.threshold(), (first..first + FACES).map(|index| synthetic::face(faces.seed, index)));
        let ended = device.join().map_err(|_| anyhow!("the device stopped"))?;
        shown.and(ended.map_err(Into::into))
    })
}

fn talk(host: HostEnd, threshold: f32, faces: impl Iterator<Item = synthetic::SyntheticFace>) -> anyhow::Result<()> {
    let mut client = Client::new(host, TIMEOUT);
    client.hello()?;
    client.set_options(Options { output: Output::Frames, smoothing: 0.0, threshold, mirror: false })?;
    for (sequence, face) in (1..).zip(faces) {
        let pixels: &[u8; FACE_PIXELS] = &face.pixels;
        let result = client.classify(pixels)?;
        let line = ReadoutLine { result: &result, sequence }.to_string();
        writeln!(out(), "  {line:<58} drawn as {}", face.emotion)?;
    }
    Ok(())
}
