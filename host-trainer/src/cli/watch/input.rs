//! Where the frames come from.

use std::{
    io::stdin,
    path::{Path, PathBuf},
    time::Duration,
};

use cameras::{RawFormat, Size, Source, camera, stream, video};
use clap::Args;

use crate::cli::UsageError;

/// The camera where none is named.
const CAMERA: &str = "/dev/video0";

/// What a camera is asked for where no size is given.
const SIZE: &str = "640x480";

#[derive(Args, Debug)]
pub struct InputArguments {
    /// A camera of Linux [default: /dev/video0]
    #[arg(long, value_name = "DEVICE")]
    camera: Option<PathBuf>,
    /// A video (Y4M or MJPEG), a picture, or a folder of pictures
    #[arg(long, value_name = "FILE", conflicts_with = "camera")]
    video: Option<PathBuf>,
    /// - for a video on standard input: Y4M, MJPEG, or frames without a header with --size
    #[arg(value_name = "-", conflicts_with_all = ["camera", "video"])]
    input: Option<PathBuf>,
    /// The size that a camera is asked for; of a stream or file without a header, as rpicam-vid --codec yuv420 writes it, the size
    /// that its frames have
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    size: Option<Size>,
    /// Bytes from row to row of frames without a header [default: the width]
    #[arg(long, value_name = "N", requires = "size", conflicts_with = "camera")]
    stride: Option<usize>,
    /// Drop frames of a stream that are too old, as those of a camera are dropped
    #[arg(long, conflicts_with = "camera")]
    live: bool,
    /// Seconds without a frame after which a camera or stream has stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    timeout: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=1e6).contains(seconds));
    seconds.ok_or_else(|| "it is a number of seconds above 0, such as 10".into())
}

impl InputArguments {
    /// How long nothing may come.
    pub fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }

    /// Opens what is named.
    ///
    /// # Errors
    /// [`CameraError`](cameras::CameraError) if it cannot be opened, [`UsageError`] if options do not go together.
    pub fn open(&self) -> anyhow::Result<Source> {
        let raw = self.size.map(|size| RawFormat::new(size, self.stride)).transpose();
        let source = match self.video.as_deref().or(self.input.as_deref()) {
            None => camera(
                self.camera.as_deref().unwrap_or(Path::new(CAMERA)),
                self.size.unwrap_or(SIZE.parse().map_err(UsageError)?),
            )?,
            Some(path) if path == Path::new("-") => stream(stdin(), "standard input".into(), raw?),
            Some(path) => video(path, raw?)?,
        };
        if self.live && !source.may_stop {
            return Err(UsageError("--live is for streams; of a file, every frame is looked at".into()).into());
        }
        Ok(Source { live: source.live || self.live, ..source })
    }
}
