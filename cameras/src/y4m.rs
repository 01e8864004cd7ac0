//! Y4M: uncompressed video, as `ffmpeg -f yuv4mpegpipe` writes it. Its grey levels are the first plane of each frame.

use std::{
    io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use y4m::{Decoder, Error, Limits};

use crate::{Arrival, CameraError, GreyFrame, raw::MOST_PIXELS};

/// What such a video begins with.
pub const MAGIC: &[u8] = b"YUV4MPEG2 ";

/// Bytes that the first line has at most, as the decoder has it.
const LONGEST_LINE: u64 = 1024;

/// Counts the bytes that the decoder has read. It keeps the reader to itself, and says the same of an end between two frames and
/// inside of one.
struct Counted<R> {
    reader: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => {
                    self.bytes.fetch_add(*read.as_ref().unwrap_or(&0) as u64, Ordering::Relaxed);
                    return read;
                }
            }
        }
    }
}

type Input<R> = Chain<Cursor<Vec<u8>>, Counted<BufReader<R>>>;

/// The frames of a Y4M video.
pub struct Video<R: Read> {
    name: String,
    decoder: Decoder<Input<R>>,
    /// Bytes behind the first line that were read.
    bytes: Arc<AtomicU64>,
    /// Seconds from frame to frame.
    interval: Option<f64>,
    number: u64,
    ended: bool,
}

impl<R: Read> Video<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`CameraError::Header`] if it says what cannot be.
    pub fn new(name: String, reader: R) -> Result<Self, CameraError> {
        let failed = |problem: String| CameraError::Header { name: name.clone(), problem };
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|problem| CameraError::Read { name: name.clone(), problem })?;
        if !line.ends_with(b"\n") {
            return Err(failed("the first line of the Y4M video has no end; record or copy it again".into()));
        }
        check(&line).map_err(&failed)?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { reader, bytes: bytes.clone() };
        // Samples of two bytes, in three planes.
        let limits = Limits { bytes: 6 * MOST_PIXELS };
        let decoder = Decoder::new_with_limits(Cursor::new(line).chain(counted), limits).map_err(|error| {
            failed(match error {
                Error::UnknownColorspace => {
                    "a Y4M video with a colour space that is not read; make it grey: ffmpeg -i FILE -pix_fmt gray -strict -1 \
                     -f yuv4mpegpipe -"
                        .into()
                }
                other => format!("the first line of the Y4M video is damaged ({other})"),
            })
        })?;
        let rate = decoder.get_framerate();
        let interval = (rate.num > 0 && rate.den > 0).then(|| rate.den as f64 / rate.num as f64);
        Ok(Self { name, decoder, bytes, interval, number: 0, ended: false })
    }

    fn read(&mut self) -> Result<Option<GreyFrame>, CameraError> {
        self.number += 1;
        let (width, height) = (self.decoder.get_width(), self.decoder.get_height());
        let (depth, step) = (self.decoder.get_bit_depth(), self.decoder.get_bytes_per_sample());
        let before = self.bytes.load(Ordering::Relaxed);
        let frame = match self.decoder.read_frame() {
            Ok(frame) if step == 1 => GreyFrame::new(width, height, frame.get_y_plane().to_vec()),
            Ok(frame) => {
                // Little endian, in the lower bits.
                let (samples, _) = frame.get_y_plane().as_chunks::<2>();
                let grey = |sample: &[u8; 2]| (u16::from_le_bytes(*sample) >> (depth - 8)).min(255) as u8;
                GreyFrame::new(width, height, samples.iter().map(grey).collect())
            }
            Err(Error::EOF) if self.bytes.load(Ordering::Relaxed) == before => return Ok(None),
            Err(Error::EOF) => return Err(CameraError::CutShort { name: self.name.clone(), frame: self.number }),
            Err(Error::IoError(problem)) => return Err(CameraError::Read { name: self.name.clone(), problem }),
            Err(error) => {
                let problem = format!("frame {} does not begin as one ({error}); is the video damaged?", self.number);
                return Err(CameraError::Header { name: self.name.clone(), problem });
            }
        };
        let seconds = self.interval.map(|interval| interval * (self.number - 1) as f64);
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(frame.map(|mut frame| {
            frame.time = time;
            frame
        }))
    }
}

/// Refuses frames that are too large: the decoder multiplies without a look.
fn check(line: &[u8]) -> Result<(), String> {
    let fields = line.trim_ascii_end().split(|&byte| byte == b' ').skip(1);
    let sides: Vec<Option<u64>> = fields
        .filter(|field| matches!(field.first(), Some(b'W' | b'H')))
        .map(|field| std::str::from_utf8(&field[1..]).ok().and_then(|text| text.parse().ok()))
        .collect();
    let pixels = sides.iter().try_fold(1u64, |pixels, side| pixels.checked_mul((*side)?));
    match pixels {
        Some(pixels) if sides.len() == 2 && (1..=MOST_PIXELS as u64).contains(&pixels) => Ok(()),
        _ => Err(format!("the first line of the Y4M video gives no size of 1 to {MOST_PIXELS} pixels")),
    }
}

impl<R: Read> Iterator for Video<R> {
    type Item = Result<Arrival, CameraError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose()?;
        self.ended = read.is_err();
        Some(read.map(Arrival::Frame))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn video(header: &str, frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = format!("YUV4MPEG2 {header}\n").into_bytes();
        for frame in frames {
            bytes.extend(b"FRAME\n");
            bytes.extend(*frame);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<Result<GreyFrame, CameraError>> {
        let video = match Video::new("test".into(), bytes) {
            Ok(video) => video,
            Err(error) => return vec![Err(error)],
        };
        let frame = |arrival| match arrival {
            Arrival::Frame(frame) => frame,
            other => panic!("{other:?}"),
        };
        video.map(|read| read.map(frame)).collect()
    }

    fn pixels(bytes: &[u8]) -> Vec<Vec<u8>> {
        read(bytes).into_iter().map(|frame| frame.expect("a frame").pixels().to_vec()).collect()
    }

    #[test]
    fn the_grey_levels_of_every_colour_space_are_its_first_plane() {
        assert_eq!(pixels(&video("W2 H1 F25:1 Cmono", &[&[1, 2], &[3, 4]])), [[1, 2], [3, 4]]);
        assert_eq!(pixels(&video("W2 H1 C420jpeg", &[&[1, 2, 99, 99]])), [[1, 2]]);
        assert_eq!(pixels(&video("W2 H1", &[&[1, 2, 99, 99]])), [[1, 2]], "4:2:0 is what is meant");
        assert_eq!(pixels(&video("W2 H1 C444 XCOLORRANGE=FULL", &[&[1, 2, 9, 9, 9, 9]])), [[1, 2]]);
        assert_eq!(pixels(&video("W2 H1 Cmono12", &[&[0x10, 0x02, 0xff, 0x0f]])), [[0x21, 0xff]]);
    }

    #[test]
    fn frames_have_the_times_that_the_rate_gives() {
        let frames = read(&video("W1 H1 F4:1 Cmono", &[&[1], &[2], &[3]]));
        let times: Vec<_> = frames.iter().map(|frame| frame.as_ref().expect("a frame").time).collect();
        assert_eq!(times, [0, 250, 500].map(|ms| Some(Duration::from_millis(ms))));
        assert_eq!(read(&video("W1 H1 F0:0 Cmono", &[&[1]]))[0].as_ref().expect("a frame").time, None);
    }

    #[test]
    fn a_video_that_is_cut_short_gives_its_frames_and_then_the_number_of_the_one_that_is_not_whole() {
        let bytes = video("W2 H2 Cmono", &[&[1; 4], &[2; 4], &[3; 4]]);
        let whole = bytes.len();
        assert_eq!(pixels(&bytes).len(), 3);
        for missing in 1..10 {
            let frames = read(&bytes[..whole - missing]);
            assert!(
                matches!(&frames[..], [Ok(_), Ok(_), Err(CameraError::CutShort { frame: 3, .. })]),
                "{missing}: {frames:?}"
            );
        }
        assert_eq!(pixels(&bytes[..whole - 10]).len(), 2, "an end between two frames");
    }

    #[test]
    fn first_lines_that_say_what_cannot_be_are_refused_in_words() {
        let problem = |bytes: &[u8]| match read(bytes).pop() {
            Some(Err(error)) => error.to_string(),
            other => panic!("{other:?}"),
        };
        for header in
            ["", "W2", "W0 H5", "W-1 H5", "W18446744073709551615 H2", "W99999999 H99999999", "W2 H2 W3", "W\u{e4} H1"]
        {
            assert!(problem(&video(header, &[])).contains("gives no size"), "{header}");
        }
        assert!(problem(&video("W2 H2 C411", &[])).contains("-pix_fmt gray"));
        assert!(problem(&video("W2 H2 Fx:y", &[])).contains("is damaged"));
        assert!(problem(b"YUV4MPEG2 W2 H2").contains("has no end"));
        let damaged = [video("W1 H1 Cmono", &[&[1]]), b"fRAME\n1".to_vec()].concat();
        assert!(problem(&damaged).contains("frame 2 does not begin"));
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(header in "[WHFCA0-9: mono]{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&video(&header, &[&bytes]));
        }
    }
}
