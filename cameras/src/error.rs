//! Why there are no frames.

use std::{io, path::PathBuf};

use crate::Size;

/// Why a source gives no frames, or no more.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// There is no such device.
    #[error("{}: no such camera; is it plugged in? `ls /dev/video*` lists those there are", path.display())]
    NoDevice {
        /// The device.
        path: PathBuf,
    },
    /// The user may not open the device.
    #[error(
        "{}: this user may not open the camera; it belongs to the group video: join it (sudo usermod -aG video $USER) and \
         log in again",
        path.display()
    )]
    Permission {
        /// The device.
        path: PathBuf,
    },
    /// Another program has the device.
    #[error("{}: another program holds the camera", path.display())]
    Busy {
        /// The device.
        path: PathBuf,
    },
    /// The device is none.
    #[error("{}: no camera that takes pictures ({problem})", path.display())]
    NoCamera {
        /// The device.
        path: PathBuf,
        /// What the system says.
        problem: io::Error,
    },
    /// A camera with other formats.
    #[error(
        "{}: the camera offers {}, and GREY, YUYV or MJPEG are read; a camera on a Raspberry Pi's ribbon cable is read with \
         rpicam-vid, see the README",
        path.display(), if offered.is_empty() { "no format" } else { offered }
    )]
    NoFormat {
        /// The device.
        path: PathBuf,
        /// Codes of the formats that it offers.
        offered: String,
    },
    /// The device was there before.
    #[error("{}: the camera is gone ({problem}); was it unplugged?", path.display())]
    Gone {
        /// The device.
        path: PathBuf,
        /// What the system says.
        problem: io::Error,
    },
    /// V4L2 is Linux's, and its library is for 64 bits.
    #[error(
        "{}: cameras are opened by name on Linux with 64 bits alone; here, pipe one from ffmpeg: see the README",
        path.display()
    )]
    NotHere {
        /// The device.
        path: PathBuf,
    },
    /// A file or stream cannot be read.
    #[error("{name}: {problem}")]
    Read {
        /// The file or stream.
        name: String,
        /// What the system says.
        problem: io::Error,
    },
    /// A stream or file without a single byte, a folder without pictures.
    #[error("{name}: {what}")]
    Empty {
        /// The file, folder or stream.
        name: String,
        /// What is missing.
        what: &'static str,
    },
    /// No format that is known.
    #[error(
        "{name}: this is {what}; Y4M and MJPEG are read. Convert it (ffmpeg -i FILE -pix_fmt gray -strict -1 -f yuv4mpegpipe -), or \
         say how large frames without a header are (--size WIDTHxHEIGHT)"
    )]
    Unknown {
        /// The file or stream.
        name: String,
        /// What it looks like.
        what: &'static str,
    },
    /// A header that says what cannot be.
    #[error("{name}: {problem}")]
    Header {
        /// The file or stream.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A video that ends inside of a frame.
    #[error("{name}: frame {frame} is cut short; record or copy the video again")]
    CutShort {
        /// The file or stream.
        name: String,
        /// Its number, from 1.
        frame: u64,
    },
    /// Frames without a header, whose rows overlap or which are too large.
    #[error("frames of {size} with rows of {stride} bytes cannot be; a stride is at least the width")]
    Stride {
        /// The size that was given.
        size: Size,
        /// The stride that was given.
        stride: usize,
    },
    /// Nothing has come for too long.
    #[error("{name}: no frame for {seconds} s; has the camera stopped? --timeout says how long to wait")]
    Silent {
        /// The source.
        name: String,
        /// How long was waited.
        seconds: f64,
    },
}
