//! Cameras of Linux (V4L2): which format is taken, and the loop over their frames. The system's calls are behind a trait.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use crate::{Arrival, Arrivals, CameraError, GreyFrame, Size, mjpeg};

/// Formats that are read, the best first: grey needs no conversion, JPEG the most.
const FORMATS: [([u8; 4], Encoding); 4] =
    [(*b"GREY", Encoding::Grey), (*b"YUYV", Encoding::Yuyv), (*b"MJPG", Encoding::Jpeg), (*b"JPEG", Encoding::Jpeg)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Grey,
    Yuyv,
    Jpeg,
}

/// What a camera has agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from row to row; 0 if the driver does not say.
    pub stride: usize,
    /// Code of the format.
    pub fourcc: [u8; 4],
}

/// A camera that is open and does not run.
pub trait Camera: Send {
    /// Codes of the formats that it offers.
    ///
    /// # Errors
    /// If it cannot be asked.
    fn formats(&self) -> io::Result<Vec<[u8; 4]>>;

    /// Starts it, with a size and format that are near to these.
    ///
    /// # Errors
    /// If it cannot be started.
    fn start(self: Box<Self>, size: Size, fourcc: [u8; 4]) -> io::Result<(Negotiated, Box<dyn Capture>)>;
}

/// A camera that runs.
pub trait Capture: Send {
    /// Waits for the next buffer and copies it over what is in `bytes`; says whether the driver holds it for whole.
    ///
    /// # Errors
    /// If there will be no more.
    fn next(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool>;
}

/// Starts a camera and gives its frames; `path` is its name.
///
/// # Errors
/// [`CameraError::NoFormat`] if none of its formats is read, [`CameraError::NoCamera`] or [`CameraError::Busy`] if it does not
/// start.
pub fn capture(camera: Box<dyn Camera>, path: &Path, size: Size) -> Result<Arrivals, CameraError> {
    let offered = camera.formats().map_err(|problem| failed(path, problem))?;
    let chosen = FORMATS.into_iter().find(|(fourcc, _)| offered.contains(fourcc));
    let no_format = |offered: &[[u8; 4]]| {
        let offered: Vec<String> = offered.iter().map(|fourcc| fourcc.escape_ascii().to_string()).collect();
        CameraError::NoFormat { path: path.into(), offered: offered.join(", ") }
    };
    let (fourcc, _) = chosen.ok_or_else(|| no_format(&offered))?;
    let (negotiated, capture) = camera.start(size, fourcc).map_err(|problem| failed(path, problem))?;
    // The driver has the last word.
    let encoding = FORMATS.into_iter().find(|(fourcc, _)| *fourcc == negotiated.fourcc);
    let (_, encoding) = encoding.ok_or_else(|| no_format(&[negotiated.fourcc]))?;
    Ok(Box::new(Running {
        path: path.into(),
        capture,
        negotiated,
        encoding,
        bytes: Vec::new(),
        number: 0,
        ended: false,
    }))
}

/// Why a camera cannot be opened or started.
pub fn failed(path: &Path, problem: io::Error) -> CameraError {
    let path = path.to_path_buf();
    match problem.kind() {
        ErrorKind::NotFound => CameraError::NoDevice { path },
        ErrorKind::PermissionDenied => CameraError::Permission { path },
        ErrorKind::ResourceBusy => CameraError::Busy { path },
        _ => CameraError::NoCamera { path, problem },
    }
}

struct Running {
    path: PathBuf,
    capture: Box<dyn Capture>,
    negotiated: Negotiated,
    encoding: Encoding,
    bytes: Vec<u8>,
    number: u64,
    ended: bool,
}

impl Running {
    fn frame(&self, whole: bool) -> Result<GreyFrame, String> {
        let Negotiated { width, height, stride, .. } = self.negotiated;
        if self.encoding == Encoding::Jpeg {
            // Drivers fill a buffer up behind the image.
            return mjpeg::decode(&self.bytes);
        }
        if !whole {
            return Err("the driver calls it damaged".into());
        }
        let step = if self.encoding == Encoding::Yuyv { 2 } else { 1 };
        let stride = if stride == 0 { width * step } else { stride };
        GreyFrame::from_rows(&self.bytes, width, height, stride, step).ok_or_else(|| {
            format!("{} bytes are no {width}x{height} pixels with rows of {stride} bytes", self.bytes.len())
        })
    }
}

impl Iterator for Running {
    type Item = Result<Arrival, CameraError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.number += 1;
        let whole = loop {
            match self.capture.next(&mut self.bytes) {
                Ok(whole) => break whole,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(problem) => {
                    self.ended = true;
                    return Some(Err(CameraError::Gone { path: self.path.clone(), problem }));
                }
            }
        };
        Some(Ok(match self.frame(whole) {
            Ok(frame) => Arrival::Frame(frame),
            Err(problem) => Arrival::Broken { number: self.number, problem },
        }))
    }
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

    use super::*;

    /// A camera that gives these buffers, then is gone.
    struct Told {
        formats: Vec<[u8; 4]>,
        answer: Negotiated,
        buffers: Vec<io::Result<(Vec<u8>, bool)>>,
    }

    struct Buffers(std::vec::IntoIter<io::Result<(Vec<u8>, bool)>>);

    impl Camera for Told {
        fn formats(&self) -> io::Result<Vec<[u8; 4]>> {
            Ok(self.formats.clone())
        }

        fn start(self: Box<Self>, _: Size, fourcc: [u8; 4]) -> io::Result<(Negotiated, Box<dyn Capture>)> {
            // As asked, unless the test says otherwise.
            let fourcc = if self.answer.fourcc == [0; 4] { fourcc } else { self.answer.fourcc };
            Ok((Negotiated { fourcc, ..self.answer }, Box::new(Buffers(self.buffers.into_iter()))))
        }
    }

    impl Capture for Buffers {
        fn next(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
            let (buffer, whole) = self.0.next().unwrap_or_else(|| Err(io::Error::from_raw_os_error(19)))?;
            bytes.clear();
            bytes.extend(buffer);
            Ok(whole)
        }
    }

    const TWO_BY_TWO: Negotiated = Negotiated { width: 2, height: 2, stride: 0, fourcc: [0; 4] };

    fn start(
        formats: &[&[u8; 4]],
        answer: Negotiated,
        buffers: Vec<io::Result<(Vec<u8>, bool)>>,
    ) -> Result<Arrivals, CameraError> {
        let formats = formats.iter().map(|fourcc| **fourcc).collect();
        let size = Size::new(640, 480).expect("a size");
        capture(Box::new(Told { formats, answer, buffers }), Path::new("/dev/video7"), size)
    }

    fn frames(formats: &[&[u8; 4]], answer: Negotiated, buffers: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let buffers = buffers.iter().map(|bytes| Ok((bytes.to_vec(), true))).collect();
        let mut arrivals: Vec<_> = start(formats, answer, buffers).expect("it starts").collect();
        let last = arrivals.pop().expect("an end").expect_err("the camera goes away");
        assert!(matches!(last, CameraError::Gone { .. }) && last.to_string().contains("unplugged"), "{last}");
        let pixels = arrivals.into_iter().map(|arrival| match arrival.expect("goes on") {
            Arrival::Frame(frame) => Some(frame.pixels().to_vec()),
            Arrival::Broken { .. } => None,
        });
        pixels.collect()
    }

    #[test]
    fn the_format_that_needs_the_least_work_is_taken() {
        let grey: &[u8] = &[1, 2, 3, 4];
        assert_eq!(frames(&[b"MJPG", b"YUYV", b"GREY"], TWO_BY_TWO, &[grey]), [Some(vec![1, 2, 3, 4])]);
        let yuyv: &[u8] = &[1, 128, 2, 128, 3, 128, 4, 128];
        assert_eq!(frames(&[b"MJPG", b"YUYV"], TWO_BY_TWO, &[yuyv]), [Some(vec![1, 2, 3, 4])]);
        let mut jpeg = Vec::new();
        JpegEncoder::new(&mut jpeg).write_image(&[80; 64], 8, 8, ExtendedColorType::L8).expect("written");
        jpeg.extend([0; 100]);
        assert_eq!(frames(&[b"MJPG", b"H264"], TWO_BY_TWO, &[&jpeg]), [Some(vec![80; 64])]);
    }

    #[test]
    fn rows_with_gaps_are_read_and_short_buffers_are_broken_frames() {
        let padded = Negotiated { stride: 4, ..TWO_BY_TWO };
        let frames = frames(&[b"GREY"], padded, &[&[1, 2, 0, 0, 3, 4, 0, 0], &[1, 2], &[], &[5, 6, 0, 0, 7, 8]]);
        assert_eq!(frames, [Some(vec![1, 2, 3, 4]), None, None, Some(vec![5, 6, 7, 8])]);
    }

    #[test]
    fn a_damaged_buffer_is_passed_over_and_an_interruption_is_no_end() {
        let interrupted = || Err(ErrorKind::Interrupted.into());
        let buffers = vec![Ok((vec![1; 4], false)), interrupted(), Ok((vec![2; 4], true))];
        let arrivals: Vec<_> = start(&[b"GREY"], TWO_BY_TWO, buffers).expect("it starts").collect();
        assert!(
            matches!(&arrivals[..], [Ok(Arrival::Broken { number: 1, .. }), Ok(Arrival::Frame(_)), Err(_)]),
            "{arrivals:?}"
        );
    }

    #[test]
    fn a_camera_with_other_formats_is_refused_with_their_names() {
        let refused = |formats: &[&[u8; 4]], answer| match start(formats, answer, Vec::new()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it started"),
        };
        let error = refused(&[b"pBAA", b"RG10"], TWO_BY_TWO);
        assert!(error.contains("/dev/video7: the camera offers pBAA, RG10") && error.contains("rpicam-vid"), "{error}");
        assert!(refused(&[], TWO_BY_TWO).contains("offers no format"));
        let other = Negotiated { fourcc: *b"NV12", ..TWO_BY_TWO };
        assert!(refused(&[b"GREY"], other).contains("offers NV12"));
    }

    #[test]
    fn why_a_camera_does_not_open_is_told_apart() {
        let words = |kind: ErrorKind| failed(Path::new("/dev/video0"), kind.into()).to_string();
        assert!(words(ErrorKind::NotFound).contains("plugged in"));
        assert!(words(ErrorKind::PermissionDenied).contains("usermod -aG video"));
        assert!(words(ErrorKind::ResourceBusy).contains("another program"));
        assert!(words(ErrorKind::InvalidInput).contains("no camera that takes pictures"));
    }
}
