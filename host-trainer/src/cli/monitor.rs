//! `monitor`: the host's end of a device.

use std::{
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use shared::{
    label::Emotion,
    preprocessing::FACE_PIXELS,
    wire::{Classified, Options, Output},
};

use super::{
    DataArgument, UsageError,
    faces::of_split,
    images,
    output::{err, out},
    progress,
};
use crate::{
    data::{LabelSet, Split, locate},
    image_file::ImageError,
    monitor::{Client, Identity, LinkError, Notice, Port, open},
};

/// A device that prints text prints a line at least this often; the slowest needs two seconds for a face.
const QUIET: Duration = Duration::from_secs(4);

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
    /// Milliseconds to wait for an answer to one try, and for a TCP connection
    #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Have the device average the logits of each face and of its mirror image; takes twice the time
    #[arg(long)]
    mirror: bool,
    /// Print one JSON object a face
    #[arg(long)]
    json: bool,
    /// Image files to send, - for standard input; without faces, what the device prints is shown
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// A face to send: what it is called, its pixels, and its label if it is known.
struct Item {
    name: String,
    face: Result<[u8; FACE_PIXELS], ImageError>,
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

/// What `--json` prints of a face that could not be read.
#[derive(Serialize)]
struct Unread<'a> {
    face: &'a str,
    error: &'a str,
}

impl MonitorArguments {
    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }
}

pub fn run(arguments: &MonitorArguments) -> anyhow::Result<()> {
    let items = items(arguments)?;
    let port = open(&arguments.port, arguments.baud, arguments.timeout())?;
    match items {
        None => show(port, arguments),
        Some(items) => send(port, &items, arguments),
    }
}

/// The faces to send, if any were asked for.
fn items(arguments: &MonitorArguments) -> anyhow::Result<Option<Vec<Item>>> {
    let mut items = Vec::new();
    if let Some(split) = arguments.split.or(arguments.data.data.as_ref().map(|_| Split::PublicTest)) {
        let dataset = progress::read(&locate(arguments.data.data.as_deref())?)?;
        for (index, (face, label)) in of_split(&dataset, split)?.iter().enumerate() {
            items.push(Item { name: format!("{split} {index}"), face: Ok(*face), label: Some(label) });
        }
    } else if arguments.images.is_empty() {
        let options =
            [("--limit", arguments.limit.is_some()), ("--mirror", arguments.mirror), ("--json", arguments.json)];
        return match options.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(UsageError(format!("{name} is for faces that are sent; name images or --data")).into())
            }
            None => Ok(None),
        };
    }
    for path in &arguments.images {
        let name = path.to_string_lossy().into_owned();
        items.push(Item { name, face: images::face(path), label: label_of(path) });
    }
    items.truncate(arguments.limit.unwrap_or(usize::MAX));
    Ok(Some(items))
}

/// The emotion that a file's folder is named after, as in a folder of labelled images.
fn label_of(path: &Path) -> Option<Emotion> {
    Emotion::from_name(path.parent()?.file_name()?.to_str()?)
}

/// Copies what the device prints, until the link ends. A device that is silent is asked why.
fn show(mut port: Port, arguments: &MonitorArguments) -> anyhow::Result<()> {
    let (mut last, mut asked) = (Instant::now(), false);
    let mut arrived = [0; 512];
    loop {
        match port.read(&mut arrived) {
            Ok(count) => {
                (last, asked) = (Instant::now(), false);
                out().write_all(&arrived[..count])?;
                out().flush()?;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                if !asked && last.elapsed() > QUIET {
                    asked = true;
                    port = wake(port, arguments)?;
                }
            }
            Err(error) => return Err(error).context(arguments.port.clone()),
        }
    }
}

/// Makes a silent device print text again, which a host's greeting stops, and says why it was silent.
fn wake(port: Port, arguments: &MonitorArguments) -> anyhow::Result<Port> {
    let mut client = Client::new(port, arguments.timeout());
    match client.hello().and_then(|device| client.set_options(with_text(&device)).map(|_| device)) {
        Ok(device) => writeln!(
            err(),
            "device: firmware {}, model {}; another host had talked to it, so it printed nothing; it was asked to print \
             again, which it does where it has faces of its own",
            device.firmware,
            device.model
        )?,
        Err(LinkError::Io(error)) => return Err(error).context(arguments.port.clone()),
        Err(error) => writeln!(err(), "nothing is printed there: {error}")?,
    }
    Ok(client.into_inner())
}

/// The device's options, with text as its output.
fn with_text(device: &Identity) -> Options {
    Options { output: Output::Text, ..device.options }
}

fn send(port: Port, items: &[Item], arguments: &MonitorArguments) -> anyhow::Result<()> {
    let at_port = || arguments.port.clone();
    let mut client = Client::new(port, arguments.timeout());
    let device = client.hello().with_context(at_port)?;
    writeln!(
        err(),
        "device: firmware {}, model {} {:08x}, arena {} bytes",
        device.firmware,
        device.model,
        device.model_crc,
        device.arena_bytes
    )?;
    client.take_notices();
    client.set_options(Options { mirror: arguments.mirror, ..device.options }).with_context(at_port)?;
    let emotions = LabelSet::of(device.labels.iter().copied()).count();
    let (mut right, mut known, mut unread) = (0usize, 0usize, 0usize);
    for item in items {
        let face = match &item.face {
            Ok(face) => face,
            Err(error) => {
                unread += 1;
                print_unread(&item.name, error, arguments.json)?;
                continue;
            }
        };
        let result = client.classify(face).with_context(at_port)?;
        for notice in client.take_notices() {
            writeln!(err(), "{}", words(notice))?;
        }
        if let Some(label) = item.label {
            known += 1;
            right += usize::from(label == result.label);
        }
        if arguments.json {
            writeln!(out(), "{}", serde_json::to_string(&line(item, &result, emotions))?)?;
        } else {
            print(item, &result, right, known)?;
        }
    }
    if known > 0 {
        writeln!(err(), "accuracy {:.4} ({right} of {known})", right as f64 / known as f64)?;
    }
    let stats = client.stats().with_context(at_port)?;
    // Whoever looks at the port next finds text there, as before.
    client.set_options(with_text(&device)).with_context(at_port)?;
    writeln!(
        err(),
        "device: up {} s, {} faces, {} bad frames, slowest {:.1} ms{}",
        stats.uptime_ms / 1000,
        stats.faces,
        stats.bad_frames,
        f64::from(stats.worst_microseconds) / 1000.0,
        stats.stack_high_water.map(|bytes| format!(", stack {bytes} bytes")).unwrap_or_default()
    )?;
    images::all_read(unread, items.len())
}

fn print_unread(face: &str, error: &ImageError, json: bool) -> anyhow::Result<()> {
    if json {
        writeln!(out(), "{}", serde_json::to_string(&Unread { face, error: &error.problem })?)?;
    } else {
        writeln!(err(), "error: {error}")?;
    }
    Ok(())
}

fn words(notice: Notice) -> &'static str {
    match notice {
        Notice::Restarted => "the device was restarted; greeted it again",
        Notice::Retried => "no answer or a damaged one; asked again",
        Notice::CameraStopped => "the device's camera stopped; check the camera and the line to it",
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

fn print(item: &Item, result: &Classified, right: usize, known: usize) -> io::Result<()> {
    let confidence = result.probabilities[result.label.index()];
    let milliseconds = f64::from(result.microseconds) / 1000.0;
    let doubt = if result.uncertain { "  uncertain" } else { "" };
    let truth =
        item.label.map_or(String::new(), |label| format!("  is {label}  accuracy {:.3}", right as f64 / known as f64));
    writeln!(
        out(),
        "{}: {} {confidence:.2}  margin {:.2}  {milliseconds:.1} ms{doubt}{truth}",
        item.name,
        result.label,
        result.margin
    )
}
