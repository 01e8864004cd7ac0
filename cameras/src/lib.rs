//! Grey frames from wherever they come: a camera, a video, a stream, a folder of pictures.
//!
//! ```text
//! frame.rs    a grey frame: made smaller, turned
//! error.rs    why there are none
//! source.rs   what a file or a stream holds, by its first bytes
//! y4m.rs      uncompressed video
//! mjpeg.rs    JPEG images one after the other
//! raw.rs      frames without any header
//! pictures.rs a picture, or a folder of them
//! v4l2.rs     cameras of Linux: formats and the loop, over a trait
//! linux.rs    the same trait over the system's calls
//! feed.rs     a source on a thread of its own: the newest frame of a camera, every frame of a file
//! ```
//!
//! A source is an iterator of [`Arrival`]s. It ends at the first error. A frame that is broken is no error: the next one is
//! looked for.
#![forbid(unsafe_code)]

#[cfg(feature = "sources")]
mod error;
#[cfg(feature = "sources")]
mod feed;
mod frame;
#[cfg(all(feature = "sources", target_os = "linux", target_pointer_width = "64"))]
mod linux;
#[cfg(feature = "sources")]
mod mjpeg;
#[cfg(feature = "sources")]
mod pictures;
#[cfg(feature = "sources")]
mod raw;
#[cfg(feature = "sources")]
mod source;
#[cfg(feature = "sources")]
mod v4l2;
#[cfg(feature = "sources")]
mod y4m;

pub use self::frame::{GreyFrame, Turn};
#[cfg(feature = "sources")]
pub use self::{
    error::CameraError,
    feed::{Feed, Next},
    raw::{RawFormat, Size},
    source::{Arrival, Arrivals, Source, camera, stream, video},
    v4l2::{Camera, Capture, Negotiated, capture},
};
