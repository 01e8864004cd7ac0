//! `monitor`: the host's end of a device.

mod lines;
mod live;

use std::{
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use cameras::Feed;
use clap::Args;
use image::GrayImage;
use shared::{
    label::Emotion,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
    wire::{FrameSize, Options, Output, Wear},
};

use self::lines::{Name, Printer, Score, Sent};
use super::{
    DataArgument, UsageError,
    faces::of_split,
    images,
    output::{err, out},
    port::PortArguments,
    progress,
};
use crate::{
    data::{LabelSet, Split, locate},
    image_file::{ImageError, centre},
    monitor::{Client, Identity, LinkError, Notice, Port},
};

/// A device that prints text prints a line at least this often; the slowest needs two seconds for a face.
const QUIET: Duration = Duration::from_secs(4);

#[derive(Args, Debug)]
pub struct MonitorArguments {
    #[command(flatten)]
    port: PortArguments,
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
    /// Send the frames of a camera, such as /dev/video0, as a video; - is a video (Y4M or MJPEG) on standard input
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["images", "data", "split", "limit"])]
    camera: Option<PathBuf>,
    /// Write the picture that the device looked at last, to aim its camera; beside it, as FILE.face.png, the face as the model saw it
    #[arg(long, value_name = "FILE.png", conflicts_with_all = ["images", "data", "split", "limit", "camera", "mirror", "json"])]
    last_frame: Option<PathBuf>,
    /// Do not look for faces: the square in the centre of each picture is filled by one
    #[arg(long, conflicts_with_all = ["camera", "last_frame"])]
    crop: bool,
    /// Print one JSON object a face or picture; without pictures, one for each that the device's own camera takes
    #[arg(long)]
    json: bool,
    /// Pictures to send, - for standard input, of any size if the device finds faces; one of 48x48 pixels is a face by itself.
    /// Without any, what the device prints is shown
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// What to send: what it is called, and its label if it is known.
struct Item {
    name: String,
    what: What,
    label: Option<Emotion>,
}

enum What {
    Face(Box<[u8; FACE_PIXELS]>),
    File(PathBuf),
}

/// What a file holds.
enum Held {
    Face(Box<[u8; FACE_PIXELS]>),
    /// A picture, for a device that takes such as large as this.
    Picture(GrayImage, FrameSize),
}

/// What to do at the port.
enum Task {
    Show,
    Listen,
    LastFrame(PathBuf),
    Camera(Feed),
    Send(Vec<Item>),
}

impl MonitorArguments {
    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }
}

pub fn run(arguments: &MonitorArguments) -> anyhow::Result<()> {
    let task = task(arguments)?;
    let (port, name) = arguments.port.open(arguments.timeout())?;
    match task {
        Task::Show => show(port, &name, arguments.timeout()),
        task => talk(port, &name, task, arguments),
    }
}

fn task(arguments: &MonitorArguments) -> anyhow::Result<Task> {
    if let Some(name) = &arguments.camera {
        return Ok(Task::Camera(live::open(name)?));
    }
    if let Some(path) = &arguments.last_frame {
        return Ok(Task::LastFrame(path.clone()));
    }
    let mut items = Vec::new();
    if let Some(split) = arguments.split.or(arguments.data.data.as_ref().map(|_| Split::PublicTest)) {
        let dataset = progress::read(&locate(arguments.data.data.as_deref())?)?;
        for (index, (face, label)) in of_split(&dataset, split)?.iter().enumerate() {
            items.push(Item {
                name: format!("{split} {index}"),
                what: What::Face(Box::new(*face)),
                label: Some(label),
            });
        }
    } else if arguments.images.is_empty() {
        let options = [("--limit", arguments.limit.is_some()), ("--crop", arguments.crop)];
        if let Some((name, _)) = options.into_iter().find(|(_, given)| *given) {
            return Err(UsageError(format!("{name} is for faces that are sent; name images or --data")).into());
        }
        return match (arguments.json, arguments.mirror) {
            (true, _) => Ok(Task::Listen),
            (false, false) => Ok(Task::Show),
            (false, true) => {
                Err(UsageError("--mirror is for faces that are sent; name images or --data".into()).into())
            }
        };
    }
    for path in &arguments.images {
        let name = path.to_string_lossy().into_owned();
        items.push(Item { name, what: What::File(path.clone()), label: label_of(path) });
    }
    items.truncate(arguments.limit.unwrap_or(usize::MAX));
    Ok(Task::Send(items))
}

/// The emotion that a file's folder is named after, as in a folder of labelled images.
fn label_of(path: &Path) -> Option<Emotion> {
    Emotion::from_name(path.parent()?.file_name()?.to_str()?)
}

/// Copies what the device prints, until the link ends. A device that is silent is asked why.
fn show(mut port: Port, name: &str, timeout: Duration) -> anyhow::Result<()> {
    let (mut last, mut asked) = (Instant::now(), false);
    let mut arrived = [0; 512];
    loop {
        match port.read(&mut arrived) {
            // There are no zeros in text: it still speaks in frames, to a host that is gone.
            Ok(count) if !asked && arrived[..count].contains(&0) => {
                asked = true;
                port = wake(port, name, timeout)?;
            }
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
                    port = wake(port, name, timeout)?;
                }
            }
            Err(error) => return Err(error).with_context(|| name.to_owned()),
        }
    }
}

/// Makes a silent device print text again, which a host's greeting stops, and says why it was silent.
fn wake(port: Port, name: &str, timeout: Duration) -> anyhow::Result<Port> {
    let mut client = Client::new(port, timeout);
    match client.hello().and_then(|device| client.set_options(with_text(&device)).map(|_| device)) {
        Ok(device) => writeln!(
            err(),
            "device: firmware {}, model {}; another host had talked to it, so it printed no text; it was asked to print \
             again, which it does where it has faces or a camera of its own",
            device.firmware,
            device.model
        )?,
        Err(LinkError::Io(error)) => return Err(error).with_context(|| name.to_owned()),
        Err(error) => writeln!(err(), "nothing is printed there: {error}")?,
    }
    Ok(client.into_inner())
}

/// The device's options, with text as its output.
fn with_text(device: &Identity) -> Options {
    Options { output: Output::Text, ..device.options }
}

/// A conversation with a device.
struct Talk<'a> {
    port: &'a str,
    client: Client<Port>,
    device: Identity,
    printer: Printer,
}

impl Talk<'_> {
    fn print_notices(&mut self) -> io::Result<()> {
        self.client.take_notices().into_iter().try_for_each(|notice| writeln!(err(), "{}", words(notice)))
    }
}

fn talk(port: Port, name: &str, task: Task, arguments: &MonitorArguments) -> anyhow::Result<()> {
    let at_port = || name.to_owned();
    let mut client = Client::new(port, arguments.timeout());
    let device = client.hello().with_context(at_port)?;
    writeln!(
        err(),
        "device: firmware {}, model {} {:08x}, arena {} bytes{}{}",
        device.firmware,
        device.model,
        device.model_crc,
        device.arena_bytes,
        device.finder.map_or(String::new(), |finder| format!(", finder {:08x} {}", finder.crc, finder.largest)),
        if device.camera { ", camera" } else { "" }
    )?;
    client.take_notices();
    client.set_options(Options { mirror: arguments.mirror, ..device.options }).with_context(at_port)?;
    let emotions = LabelSet::of(device.labels.iter().copied()).count();
    let printer = Printer { json: arguments.json, emotions };
    let mut talk = Talk { port: name, client, device, printer };
    let (mut unread, mut count) = (0, 0);
    match task {
        Task::Show | Task::Listen => live::listen(&mut talk)?,
        Task::LastFrame(path) => live::write_last(&mut talk, &path)?,
        Task::Camera(feed) => live::send_frames(&mut talk, feed)?,
        Task::Send(items) => (unread, count) = (send(&mut talk, &items, arguments.crop)?, items.len()),
    }
    let stats = talk.client.stats().with_context(at_port)?;
    // Whoever looks at the port next finds text there, as before.
    talk.client.set_options(with_text(&talk.device)).with_context(at_port)?;
    writeln!(
        err(),
        "device: up {} s, {} faces, {} pictures, {} bad frames, slowest {:.1} ms{}{}",
        stats.uptime_ms / 1000,
        stats.faces,
        stats.pictures,
        stats.bad_frames,
        f64::from(stats.worst_microseconds) / 1000.0,
        stats.stack_high_water.map(|bytes| format!(", stack {bytes} bytes")).unwrap_or_default(),
        stats.wear.map(erased).unwrap_or_default()
    )?;
    images::all_read(unread, count)
}

/// Sends faces and pictures; gives the number of files that could not be read.
fn send(talk: &mut Talk<'_>, items: &[Item], crop: bool) -> anyhow::Result<usize> {
    let (mut score, mut unread) = (Score::default(), 0);
    let largest = talk.device.finder.filter(|_| !crop).map(|finder| finder.largest);
    for Item { name, what, label } in items {
        let held = match what {
            What::Face(face) => Ok(Held::Face(face.clone())),
            What::File(path) => read(path, largest),
        };
        match held {
            Err(error) => {
                unread += 1;
                talk.printer.unread(name, &error)?;
            }
            Ok(Held::Picture(picture, largest)) => {
                let (width, height) = picture.dimensions();
                let (sent, pixels) = live::fitted(picture, largest)?;
                let seen = talk.client.look(sent, &pixels, false).with_context(|| talk.port.to_owned())?;
                talk.print_notices()?;
                score.add(seen.face.map(|face| face.emotion.label), *label);
                let picture = Sent { name: Name::File(name), width, height, sent };
                talk.printer.picture(picture, &seen, *label, score)?;
            }
            Ok(Held::Face(face)) => {
                let result = talk.client.classify(&face).with_context(|| talk.port.to_owned())?;
                talk.print_notices()?;
                score.add(Some(result.label), *label);
                talk.printer.face(name, &result, *label, score)?;
            }
        }
    }
    if score.known > 0 {
        writeln!(err(), "accuracy {:.4} ({} of {})", score.accuracy(), score.right, score.known)?;
    }
    Ok(unread)
}

/// What a file holds: a picture only if the device takes pictures and this one has not the size of a face.
fn read(path: &Path, largest: Option<FrameSize>) -> Result<Held, ImageError> {
    let grey = images::image(path)?.to_luma8();
    let is_face = grey.dimensions() == (FACE_SIZE as u32, FACE_SIZE as u32);
    if let Some(largest) = largest.filter(|_| !is_face) {
        return Ok(Held::Picture(grey, largest));
    }
    let error = |problem: String| ImageError { path: path.into(), problem };
    centre(&grey).map(|face| Held::Face(Box::new(face))).map_err(error)
}

/// Flash bears about 100,000 erasures of each sector.
fn erased(wear: Wear) -> String {
    let Wear { slot_a, slot_b, journal } = wear;
    format!(", slots erased {slot_a} and {slot_b} times, journal {journal} times")
}

fn words(notice: Notice) -> &'static str {
    match notice {
        Notice::Restarted => "the device was restarted; greeted it again",
        Notice::Retried => "no answer or a damaged one; asked again",
        Notice::CameraStopped => "the device's camera stopped; check the camera and the line to it",
    }
}
