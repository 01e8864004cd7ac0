//! What a file or a stream holds, by its first bytes.

use std::{
    fmt,
    fs::File,
    io::{Cursor, Read},
    path::Path,
};

use crate::{
    CameraError, GreyFrame, RawFormat, Size, mjpeg, pictures,
    raw::{Raw, fill},
    y4m,
};

/// What a source gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A frame.
    Frame(GreyFrame),
    /// A frame that cannot be read. Others follow.
    Broken {
        /// Its number, from 1.
        number: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// The frames of a source, in their order. After an error there are no more.
pub type Arrivals = Box<dyn Iterator<Item = Result<Arrival, CameraError>> + Send>;

/// Where frames come from.
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// What it gives.
    pub arrivals: Arrivals,
    /// Whether it may stop to give frames without an end: all but files.
    pub may_stop: bool,
    /// Whether frames that are too old are of no use.
    pub live: bool,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source {{ name: {:?}, live: {} }}", self.name, self.live)
    }
}

/// A camera by the name of its device, such as `/dev/video0`. It is asked for frames of `size` and may give others.
///
/// # Errors
/// [`CameraError`] if there is no such camera, or the user may not open it, or its formats are not read.
pub fn camera(path: &Path, size: Size) -> Result<Source, CameraError> {
    let arrivals = open_camera(path, size)?;
    Ok(Source { name: path.display().to_string(), arrivals, may_stop: true, live: true })
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn open_camera(path: &Path, size: Size) -> Result<Arrivals, CameraError> {
    crate::v4l2::capture(Box::new(crate::linux::open(path)?), path, size)
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn open_camera(path: &Path, _: Size) -> Result<Arrivals, CameraError> {
    Err(CameraError::NotHere { path: path.into() })
}

/// A video (Y4M or MJPEG), a picture, a folder of pictures, or, with `raw`, a file of frames without a header. What is neither a
/// file nor a folder, such as a named pipe, is read as a [`stream`].
///
/// # Errors
/// [`CameraError`] if it cannot be opened, or holds something else.
pub fn video(path: &Path, raw: Option<RawFormat>) -> Result<Source, CameraError> {
    let name = path.display().to_string();
    let read = |problem| CameraError::Read { name: name.clone(), problem };
    if path.is_dir() {
        let arrivals = Box::new(pictures::Pictures::of_folder(path)?);
        return Ok(Source { name, arrivals, may_stop: false, live: false });
    }
    let mut file = File::open(path).map_err(read)?;
    if !file.metadata().map_err(read)?.is_file() {
        return Ok(stream(file, name, raw));
    }
    let (first, have) = first_bytes(&mut file, &name)?;
    let first = &first[..have];
    let arrivals = match raw.is_none() && !first.starts_with(&mjpeg::START) && pictures::begins_as_picture(first) {
        true => Box::new(pictures::Pictures::one(path)),
        false => kind_of(first, file, &name, raw)?,
    };
    Ok(Source { name, arrivals, may_stop: false, live: false })
}

/// A stream of Y4M or MJPEG, or, with `raw`, of frames without a header; `name` is for messages. Nothing is read before the
/// first frame is asked for.
pub fn stream(reader: impl Read + Send + 'static, name: String, raw: Option<RawFormat>) -> Source {
    let mut opened: Option<Arrivals> = None;
    let mut reader = Some(reader);
    let named = name.clone();
    let arrivals = std::iter::from_fn(move || {
        if let Some(mut reader) = reader.take() {
            let kind =
                first_bytes(&mut reader, &named).and_then(|(first, have)| kind_of(&first[..have], reader, &named, raw));
            match kind {
                Ok(arrivals) => opened = Some(arrivals),
                Err(error) => return Some(Err(error)),
            }
        }
        opened.as_mut()?.next()
    });
    Source { name, arrivals: Box::new(arrivals), may_stop: true, live: false }
}

/// Bytes that tell what a stream holds.
const FIRST: usize = 12;

fn first_bytes(reader: &mut impl Read, name: &str) -> Result<([u8; FIRST], usize), CameraError> {
    let mut first = [0; FIRST];
    let have = fill(reader, &mut first).map_err(|problem| CameraError::Read { name: name.into(), problem })?;
    match have {
        0 => Err(CameraError::Empty { name: name.into(), what: "it is empty; no frame has come" }),
        have => Ok((first, have)),
    }
}

/// What a stream holds that begins with `first`; `rest` is behind it.
fn kind_of(
    first: &[u8],
    rest: impl Read + Send + 'static,
    name: &str,
    raw: Option<RawFormat>,
) -> Result<Arrivals, CameraError> {
    let whole = Cursor::new(first.to_vec()).chain(rest);
    let name = name.to_string();
    if first.starts_with(y4m::MAGIC) {
        return Ok(Box::new(y4m::Video::new(name, whole)?));
    }
    if let Some(format) = raw {
        return Ok(Box::new(Raw::new(name, whole, format)));
    }
    // A stream of several parts begins with their boundary.
    if first.starts_with(&mjpeg::START) || first.trim_ascii_start().starts_with(b"--") {
        return Ok(Box::new(mjpeg::Images::new(name, whole)));
    }
    Err(CameraError::Unknown { name, what: words(first) })
}

/// What else a file may be.
fn words(first: &[u8]) -> &'static str {
    match first {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "an MP4 or MOV video",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "a Matroska or WebM video",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => "an AVI video",
        [0, 0, 0, 1, ..] | [0, 0, 1, ..] => "H.264 or MPEG video",
        _ if pictures::begins_as_picture(first) => "a picture; name its file",
        _ => "neither Y4M nor MJPEG",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, Luma};

    use super::*;

    const Y4M: &[u8] = b"YUV4MPEG2 W2 H1 Cmono\nFRAME\n\x01\x02";

    fn first(mut source: Source) -> Result<GreyFrame, String> {
        match source.arrivals.next() {
            Some(Ok(Arrival::Frame(frame))) => Ok(frame),
            Some(Err(error)) => Err(error.to_string()),
            other => Err(format!("{other:?}")),
        }
    }

    fn of_stream(bytes: &'static [u8], raw: Option<RawFormat>) -> Result<GreyFrame, String> {
        first(stream(bytes, "standard input".into(), raw))
    }

    fn raw() -> Option<RawFormat> {
        RawFormat::new(Size::new(2, 2).expect("a size"), None).ok()
    }

    #[test]
    fn a_stream_is_known_by_its_first_bytes() {
        assert_eq!(of_stream(Y4M, None).expect("a frame").pixels(), [1, 2]);
        assert_eq!(of_stream(Y4M, raw()).expect("a frame").pixels(), [1, 2], "a header is believed");
        assert_eq!(of_stream(&[0xff, 0xd8, 3, 4, 0, 0], raw()).expect("a frame").pixels(), [0xff, 0xd8, 3, 4]);
    }

    #[test]
    fn what_is_not_read_is_named_with_what_to_do() {
        let error = |bytes| of_stream(bytes, None).expect_err("no frame");
        assert!(error(b"").contains("it is empty"));
        assert!(error(b"\0\0\0\x18ftypisom").contains("an MP4 or MOV video"));
        assert!(error(b"RIFF\0\0\0\0AVI LIST").contains("an AVI video"));
        assert!(error(b"\x1a\x45\xdf\xa3 webm").contains("Matroska"));
        let unknown = error(b"\x10\x10");
        assert!(unknown.contains("--size WIDTHxHEIGHT") && unknown.contains("ffmpeg"), "{unknown}");
        assert!(error(b"\xff\xd8 but no image").contains("no JPEG image"));
        assert!(error(b"YUV4MPEG2 W1 H1").contains("has no end"));
    }

    #[test]
    fn files_pictures_and_folders_are_videos() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        fs::write(file("a.y4m"), Y4M).expect("written");
        GrayImage::from_pixel(3, 2, Luma([7])).save(file("b.png")).expect("written");
        GrayImage::from_pixel(8, 8, Luma([9])).save(file("c.jpg")).expect("written");
        let open = |path: &Path| video(path, None).map_err(|error| error.to_string()).and_then(first);
        assert_eq!(open(&file("a.y4m")).expect("a frame").pixels(), [1, 2]);
        assert_eq!(open(&file("b.png")).expect("a frame").pixels(), [7; 6]);
        assert_eq!(open(&file("c.jpg")).expect("a frame").pixels(), [9; 64]);
        assert_eq!(open(folder.path()).expect("a frame").pixels(), [7; 6], "the first picture");
        fs::write(file("d.mp4"), b"\0\0\0\x18ftypisom").expect("written");
        assert!(open(&file("d.mp4")).expect_err("no video").contains("d.mp4: this is an MP4"));
        assert!(open(&file("none")).expect_err("no file").contains("none: "));
    }

    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn a_camera_that_is_none_is_named_with_what_to_do() {
        let size = Size::new(640, 480).expect("a size");
        let error = |path: &Path| camera(path, size).expect_err("no camera");
        assert!(matches!(error(Path::new("/dev/video-none")), CameraError::NoDevice { .. }));
        assert!(matches!(error(Path::new("/dev/null")), CameraError::NoCamera { .. }));
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(matches!(error(file.path()), CameraError::NoCamera { .. }));
    }
}
