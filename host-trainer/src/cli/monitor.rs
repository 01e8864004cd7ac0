//! `monitor`: the host's end of a device.

use std::{
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde::Serialize;
use shared::{
    label::Emotion,
    preprocessing::FACE_PIXELS,
    wire::{Classified, Options},
};

use super::{DataArgument, progress};
use crate::{
    data::{LabelSet, Split, locate},
    image_file,
    monitor::{Client, Notice, Port, open},
};

#[derive(Args, Debug)]
pub struct MonitorArguments {
    /// A serial port, a pty, or tcp:HOST:PORT
    #[arg(long, value_name = "PORT")]
    port: String,
    /// Bits a second of a serial port
    #[arg(long, value_name = "N", default_value_t = 115_200)]
    baud: u32,
    #[command(flatten)]
    data: DataArgument,
    /// Send the faces of this split: Training, PublicTest or PrivateTest
    #[arg(long, value_name = "SPLIT", conflicts_with = "images")]
    split: Option<Split>,
    /// Send no more faces than this
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What one try waits for an answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    timeout: u64,
    /// Have the device answer by the mean of the logits of a face and of its mirror image, in twice the time
    #[arg(long)]
    mirror: bool,
    /// Print one JSON object a face
    #[arg(long)]
    json: bool,
    /// PNG or JPEG files to send; without faces, what the device prints is shown
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// A face to send: what it is called, its pixels, and its label if it is known.
struct Item {
    name: String,
    face: [u8; FACE_PIXELS],
    label: Option<Emotion>,
}

#[derive(Serialize)]
struct Line<'a> {
    face: &'a str,
    label: &'static str,
    confidence: f32,
    margin: f32,
    uncertain: bool,
    probabilities: &'a [f32],
    milliseconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'static str>,
}

pub fn run(arguments: &MonitorArguments) -> anyhow::Result<()> {
    let items = items(arguments)?;
    let port = open(&arguments.port, arguments.baud)?;
    match items {
        None => show(port),
        Some(items) => send(port, &items, arguments),
    }
}

/// The faces to send, if any were asked for.
fn items(arguments: &MonitorArguments) -> anyhow::Result<Option<Vec<Item>>> {
    let mut items = Vec::new();
    if let Some(split) = arguments.split.or(arguments.data.data.as_ref().map(|_| Split::PublicTest)) {
        let bar = progress::bar("reading faces", "bytes");
        let dataset =
            locate(arguments.data.data.as_deref())?.read(&mut |done, total| progress::advance(&bar, done, total))?;
        bar.finish_and_clear();
        for (index, (face, label)) in dataset.require(split)?.iter().enumerate() {
            items.push(Item { name: format!("{split} {index}"), face: *face, label: Some(label) });
        }
    } else if arguments.images.is_empty() {
        return Ok(None);
    }
    for path in &arguments.images {
        items.push(Item {
            name: path.display().to_string(),
            face: image_file::read_face(path)?,
            label: label_of(path),
        });
    }
    items.truncate(arguments.limit.unwrap_or(usize::MAX));
    Ok(Some(items))
}

/// The emotion that a file's folder is named after, as in a folder of labelled images.
fn label_of(path: &Path) -> Option<Emotion> {
    Emotion::from_name(path.parent()?.file_name()?.to_str()?)
}

/// Copies what the device prints, until the link ends.
fn show(mut port: Port) -> anyhow::Result<()> {
    let mut arrived = [0; 512];
    loop {
        match port.read(&mut arrived) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let mut out = std::io::stdout().lock();
                out.write_all(&arrived[..count])?;
                out.flush()?;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn send(port: Port, items: &[Item], arguments: &MonitorArguments) -> anyhow::Result<()> {
    let mut client = Client::new(port, Duration::from_millis(arguments.timeout));
    let device = client.hello()?;
    eprintln!(
        "device: firmware {}, model {} {:08x}, arena {} bytes",
        device.firmware, device.model, device.model_crc, device.arena_bytes
    );
    client.take_notices();
    client.set_options(Options { mirror: arguments.mirror, ..device.options })?;
    let emotions = LabelSet::of(device.labels).count();
    let (mut right, mut known) = (0usize, 0usize);
    for item in items {
        let result = client.classify(&item.face)?;
        for notice in client.take_notices() {
            eprintln!("{}", words(notice));
        }
        if let Some(label) = item.label {
            known += 1;
            right += usize::from(label == result.label);
        }
        if arguments.json {
            println!("{}", serde_json::to_string(&line(item, &result, emotions))?);
        } else {
            print(item, &result, right, known);
        }
    }
    if known > 0 {
        eprintln!("accuracy {:.4} ({right} of {known})", right as f64 / known as f64);
    }
    let stats = client.stats()?;
    eprintln!(
        "device: up {} s, {} faces, {} bad frames, slowest {:.1} ms{}",
        stats.uptime_ms / 1000,
        stats.faces,
        stats.bad_frames,
        f64::from(stats.worst_microseconds) / 1000.0,
        stats.stack_high_water.map(|bytes| format!(", stack {bytes} bytes")).unwrap_or_default()
    );
    Ok(())
}

fn words(notice: Notice) -> &'static str {
    match notice {
        Notice::Restarted => "the device was restarted; greeted it again",
        Notice::Retried => "no answer or a damaged one; asked again",
    }
}

/// What `--json` prints; probabilities of the first `emotions`.
fn line<'a>(item: &'a Item, result: &'a Classified, emotions: usize) -> Line<'a> {
    Line {
        face: &item.name,
        label: result.label.name(),
        confidence: result.probabilities[result.label.index()],
        margin: result.margin,
        uncertain: result.uncertain,
        probabilities: &result.probabilities[..emotions],
        milliseconds: f64::from(result.microseconds) / 1000.0,
        expected: item.label.map(Emotion::name),
    }
}

fn print(item: &Item, result: &Classified, right: usize, known: usize) {
    let confidence = result.probabilities[result.label.index()];
    let milliseconds = f64::from(result.microseconds) / 1000.0;
    let doubt = if result.uncertain { "  uncertain" } else { "" };
    let truth =
        item.label.map_or(String::new(), |label| format!("  is {label}  accuracy {:.3}", right as f64 / known as f64));
    println!(
        "{}: {} {confidence:.2}  margin {:.2}  {milliseconds:.1} ms{doubt}{truth}",
        item.name, result.label, result.margin
    );
}
