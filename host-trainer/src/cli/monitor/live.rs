//! Frames of a camera to a device, and what the device's own camera sees.

use std::{
    io::{Write, stdin},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use cameras::{Arrival, Feed, Next, Size, Source};
use image::GrayImage;
use shared::wire::{ErrorCode, FrameSize, View};

use super::{
    Talk,
    lines::{Name, Score, Sent},
};
use crate::{cli::output::err, image_file::write_grey, monitor::LinkError};

/// What a camera is asked for; it may give others, which are made smaller.
const SIZE: (usize, usize) = (640, 480);

/// A camera or stream that gives nothing for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long a frame is waited for at a time; the device must not take this program for gone.
const WAIT: Duration = Duration::from_secs(1);

/// The device takes a host for gone that asks for nothing in ten seconds.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// Opens a camera, or, for `-`, the video on standard input. Frames that come while the device looks at another are dropped.
pub fn open(name: &Path) -> anyhow::Result<Feed> {
    let source = match name == Path::new("-") {
        true => cameras::stream(stdin(), "standard input".into(), None),
        false => cameras::camera(name, Size::new(SIZE.0, SIZE.1).context("a size")?)?,
    };
    Ok(Feed::start(Source { live: true, ..source }, PATIENCE))
}

/// Sends every frame as one of a video, until there are no more.
pub fn send_frames(talk: &mut Talk<'_>, mut feed: Feed) -> anyhow::Result<()> {
    let Some(finder) = talk.device.finder else {
        bail!(
            "{}: this device finds no faces in pictures; name pictures of 48x48 pixels in place of --camera",
            talk.port
        )
    };
    let mut number = 0;
    loop {
        match feed.next(WAIT)? {
            Next::Nothing => {}
            Next::End => return Ok(()),
            Next::Arrival(Arrival::Broken { number, problem }) => {
                writeln!(err(), "frame {number} is broken ({problem}); going on with the next")?;
            }
            Next::Arrival(Arrival::Frame(frame)) => {
                number += 1;
                let fit = frame.fit(finder.largest.columns.into(), finder.largest.rows.into());
                let sent = FrameSize { columns: fit.width() as u16, rows: fit.height() as u16 };
                let seen = talk.client.look(sent, fit.pixels(), true).with_context(|| talk.port.to_owned())?;
                talk.print_notices()?;
                let (width, height) = (frame.width() as u32, frame.height() as u32);
                let picture = Sent { name: Name::Frame(number), width, height, sent };
                talk.printer.picture(picture, &seen, None, Score::default())?;
            }
        }
    }
}

/// Prints what the device's camera sees, until the link ends.
pub fn listen(talk: &mut Talk<'_>) -> anyhow::Result<()> {
    if !talk.device.camera {
        bail!("{}: this device has no camera; name pictures to send", talk.port)
    }
    let mut asked = Instant::now();
    loop {
        if asked.elapsed() >= ASK_AGAIN {
            asked = Instant::now();
            talk.client.stats().with_context(|| talk.port.to_owned())?;
        }
        for (number, seen) in talk.client.listen(Duration::from_millis(20)).with_context(|| talk.port.to_owned())? {
            talk.printer.camera(number, &seen)?;
        }
        talk.print_notices()?;
    }
}

/// Writes the picture that the device looked at last, and the face in it as the model saw it, if there is one.
pub fn write_last(talk: &mut Talk<'_>, path: &Path) -> anyhow::Result<()> {
    let (number, size, pixels) = talk.client.view(View::Picture).with_context(|| talk.port.to_owned())?;
    let face = match talk.client.view(View::Face) {
        // Its own camera may have gone on.
        Ok((of, size, pixels)) if of == number => Some((size, pixels)),
        Ok(_) | Err(LinkError::Refused(ErrorCode::NoView)) => None,
        Err(error) => return Err(error).with_context(|| talk.port.to_owned()),
    };
    talk.print_notices()?;
    write_grey(path, size.columns.into(), size.rows.into(), pixels)?;
    writeln!(err(), "{}: picture {number}, {size}", path.display())?;
    let Some((size, pixels)) = face else { return Ok(writeln!(err(), "there is no face in it")?) };
    let path = path.with_extension("face.png");
    write_grey(&path, size.columns.into(), size.rows.into(), pixels)?;
    Ok(writeln!(err(), "{}: the face in it, as the model saw it", path.display())?)
}

/// A photograph as it is sent: not larger than `largest`, each pixel the mean of what it covers.
pub fn fitted(picture: GrayImage, largest: FrameSize) -> anyhow::Result<(FrameSize, Vec<u8>)> {
    let (width, height) = picture.dimensions();
    let frame = cameras::GreyFrame::new(width as usize, height as usize, picture.into_raw());
    let frame = frame.ok_or_else(|| anyhow!("the picture has no pixels"))?;
    let fit = frame.fit(largest.columns.into(), largest.rows.into());
    let size = FrameSize { columns: fit.width() as u16, rows: fit.height() as u16 };
    Ok((size, fit.pixels().to_vec()))
}
