//! Requests, replies and their contents.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{FinderIdentity, FrameSize, Seen, StoreIdentity, Unfit, View, ViewPart, Wear};
use crate::label::Emotion;

/// A request, which a host sends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Counts up from 1; the same number again is a retry.
    pub sequence: u32,
    /// Kind and contents.
    #[serde(borrow)]
    pub kind: RequestKind<'a>,
}

/// Kinds of requests. New kinds are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum RequestKind<'a> {
    /// Handshake; switches to framed output.
    Hello {
        /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the host.
        protocol: u16,
    },
    /// Classifies a face.
    Classify {
        /// 48x48 grey levels, row by row.
        face: &'a [u8],
    },
    /// Asks for the counters since startup.
    Stats,
    /// Sets the options.
    SetOptions(Options),
    /// Begins a picture; one that was under way is dropped.
    PictureBegin {
        /// Its columns and rows.
        size: FrameSize,
        /// Whether it follows the picture before it in a video: the face is followed and its emotion smoothed. A picture on its
        /// own has nothing to do with those before and after it.
        video: bool,
    },
    /// The next pixels of the picture.
    PicturePart {
        /// Pixels before these, row by row.
        offset: u32,
        /// Grey levels, [`PART_BYTES`](super::PART_BYTES) at most.
        pixels: &'a [u8],
    },
    /// Ends the picture and asks what is to be seen in it.
    PictureEnd {
        /// CRC-32 of all its pixels.
        crc: u32,
    },
    /// Asks for a part of the picture that the device looked at last.
    View {
        /// The whole of it, or its face.
        view: View,
        /// Pixels before the part, row by row.
        offset: u32,
    },
    /// Begins the upload of a model, or goes on with one that was broken off.
    UploadBegin {
        /// Bytes of the model file.
        model_bytes: u32,
        /// CRC-32 of its contents: the file and zeros up to a multiple of [`UPLOAD_ALIGNMENT`](super::UPLOAD_ALIGNMENT).
        crc: u32,
    },
    /// The next bytes of the contents.
    UploadPart {
        /// Bytes before these.
        offset: u32,
        /// [`PART_BYTES`](super::PART_BYTES) at most.
        bytes: &'a [u8],
    },
    /// Ends the upload: the model takes over if it passes its test.
    UploadCommit {
        /// Index of a drawn face that is part of the firmware.
        face: u8,
        /// The model's logits for it, in the order of its labels; the lowest value beyond them.
        logits: [i8; Emotion::COUNT],
    },
    /// Starts the boot loader, which takes new firmware.
    BootLoader,
}

/// A reply, which a device sends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply<'a> {
    /// The sequence number of the request; 0 if its frame could not be read.
    pub sequence: u32,
    /// Kind and contents.
    #[serde(borrow)]
    pub kind: ReplyKind<'a>,
}

/// Kinds of replies. New kinds are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReplyKind<'a> {
    /// The reply to hello.
    #[serde(borrow)]
    Hello(Hello<'a>),
    /// The reply to classify.
    Result(Classified),
    /// The reply to stats.
    Stats(Stats),
    /// The reply to set options: the options now in force.
    Options(Options),
    /// The reply to a request that cannot be carried out.
    Error(ErrorCode),
    /// The reply to the beginning and to a part of a picture.
    Arrived {
        /// Pixels that the device has of it.
        pixels: u32,
    },
    /// The reply to the end of a picture.
    Seen(Seen),
    /// The reply to view.
    View(ViewPart<'a>),
    /// No reply: what the device's own camera sees, told to a host that has said hello. Its sequence number is 0.
    Camera {
        /// Counts the pictures that the device looked at.
        number: u32,
        /// What is to be seen.
        seen: Seen,
    },
    /// The reply to the beginning and to a part of an upload.
    Stored {
        /// Bytes of its contents that the device has.
        bytes: u32,
    },
    /// The reply to the end of an upload: the model is kept. The device takes it up at once, as after a restart.
    Committed,
    /// The reply to boot loader; the device is gone after it.
    BootLoader,
}

/// Identity of a device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello<'a> {
    /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the device.
    pub protocol: u16,
    /// Version of its firmware.
    pub firmware: &'a str,
    /// Name of its model.
    pub model: &'a str,
    /// CRC-32 of its model file.
    pub model_crc: u32,
    /// Bytes of arena that the model takes.
    pub arena_bytes: u32,
    /// Rows and columns of a face.
    pub face_size: u16,
    /// A number drawn at startup from the device's clock and counters. If it changes, the device was restarted.
    pub boot: u32,
    /// The indices of the model's emotions, in the order of its logits.
    pub labels: &'a [u8],
    /// The options in force from this greeting on.
    pub options: Options,
    /// What finds faces in pictures; `None` if the device takes none.
    pub finder: Option<FinderIdentity>,
    /// Whether the device has a camera of its own.
    pub camera: bool,
    /// Where it keeps models; `None` if it takes none.
    #[serde(borrow)]
    pub store: Option<StoreIdentity<'a>>,
}

/// The classification of a face.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    /// Probabilities in the order of [`Emotion::ALL`], 0 for emotions that the model does not know. With [`Options::mirror`] they
    /// are those of both images. They are smoothed if smoothing is on.
    pub probabilities: [f32; Emotion::COUNT],
    /// The most probable emotion.
    pub label: Emotion,
    /// Its probability minus that of the second.
    pub margin: f32,
    /// Whether its probability is below the threshold.
    pub uncertain: bool,
    /// Time of the inference; with [`Options::mirror`], of both.
    pub microseconds: u32,
    /// The model's logits for the face as it was sent, in the order of the model's labels; the lowest value beyond them. They are
    /// never smoothed.
    pub logits: [i8; Emotion::COUNT],
}

/// Counters since the device started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Milliseconds since startup.
    pub uptime_ms: u64,
    /// Faces classified for hosts, each a message of its own.
    pub faces: u32,
    /// Pictures searched for hosts.
    pub pictures: u32,
    /// Frames that were damaged or too long.
    pub bad_frames: u32,
    /// Longest inference, or search with its inference, in microseconds.
    pub worst_microseconds: u32,
    /// Most bytes of stack ever in use, if the device can tell.
    pub stack_high_water: Option<u32>,
    /// How often the memory for models was erased, if the device has one.
    pub wear: Option<Wear>,
}

/// Options of a device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Frames or text.
    pub output: Output,
    /// Weight of the past in the reported probabilities, `0..1`; 0 is no smoothing.
    pub smoothing: f32,
    /// Below this confidence an answer is `uncertain`, `0..=1`.
    pub threshold: f32,
    /// Whether to average the logits of a face and of its mirror image: a little better, in twice the time.
    pub mirror: bool,
}

/// Format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// One line per face.
    Text,
    /// One frame per face.
    Frames,
}

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorCode {
    /// The frame is damaged: COBS or CRC.
    Corrupt,
    /// The frame is longer than [`FRAME_BYTES`](super::FRAME_BYTES).
    Oversized,
    /// The frame is whole but is no request that this version knows.
    Unknown,
    /// The versions of the protocol differ.
    Protocol {
        /// The device's.
        device: u16,
        /// The host's.
        host: u16,
    },
    /// The face has another number of pixels.
    FaceSize {
        /// Pixels it must have.
        need: u32,
        /// Pixels it has.
        have: u32,
    },
    /// An option is out of range.
    Options,
    /// The model could not run.
    Inference,
    /// The device finds no faces in pictures.
    NoFinder,
    /// A picture of this size is not taken.
    PictureSize {
        /// The picture's.
        size: FrameSize,
        /// The largest that is taken.
        largest: FrameSize,
    },
    /// A part or the end of a picture that was not begun.
    NoPicture,
    /// A part of a picture is missing, or came in another order, or is too long.
    PictureOrder {
        /// Pixels that the device has, where the next part must begin; or all of the picture's, if a part goes beyond.
        expected: u32,
        /// Where the part began; or all of the picture's pixels, if the end came before the last; or where it ends beyond.
        found: u32,
    },
    /// The picture's pixels are not those that were sent.
    PictureChecksum,
    /// The device has looked at no picture, or there was no face in it, or the part lies outside.
    NoView,
    /// The device's camera stopped. It comes without a request, with sequence number 0, or as the answer to view.
    Camera,
    /// The device keeps no models.
    NoStore,
    /// A model of this size is not taken.
    ModelSize {
        /// The model file's bytes.
        bytes: u32,
        /// The most that are taken.
        most: u32,
    },
    /// A part or the end of an upload that was not begun.
    NoUpload,
    /// A part of an upload is missing, or came in another order, or is too long.
    UploadOrder {
        /// Bytes that the device has, where the next part must begin; or all of the contents', if a part goes beyond.
        expected: u32,
        /// Where the part began; or all of the contents' bytes, if the end came before the last; or where it ends beyond.
        found: u32,
    },
    /// The bytes of an upload are not those that were sent.
    UploadChecksum,
    /// The model that was uploaded cannot take over.
    Unfit(Unfit),
    /// The memory for models could not be written or read.
    Store,
    /// The device has no boot loader that can be started so.
    NoBootLoader,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ErrorCode::Corrupt => write!(f, "a frame arrived damaged"),
            ErrorCode::Oversized => write!(f, "a frame is longer than {} bytes", super::FRAME_BYTES),
            ErrorCode::Unknown => write!(f, "a request is unknown to this firmware; update it"),
            ErrorCode::Protocol { device, host } => write!(
                f,
                "the device speaks protocol {device} and the host {host}; update {}",
                if device < host { "the device's firmware" } else { "the host's program" }
            ),
            ErrorCode::FaceSize { need, have } => write!(f, "a face has {have} pixels; it must have {need}"),
            ErrorCode::Options => write!(f, "an option is out of range: smoothing 0..1, threshold 0..=1"),
            ErrorCode::Inference => write!(f, "the model could not run"),
            ErrorCode::NoFinder => write!(f, "it finds no faces in pictures; send faces of 48x48 pixels"),
            ErrorCode::PictureSize { size, largest } => {
                write!(f, "a picture of {size} pixels; it takes 1x1 to {largest}")
            }
            ErrorCode::NoPicture => write!(f, "a part of a picture came before its beginning; send it again"),
            ErrorCode::PictureOrder { expected, found } => {
                write!(f, "parts of a picture do not follow each other: pixel {expected}, then {found}; send it again")
            }
            ErrorCode::PictureChecksum => write!(f, "a picture arrived damaged; send it again"),
            ErrorCode::NoView => write!(f, "it has looked at no picture yet, or at none with a face"),
            ErrorCode::Camera => write!(f, "its camera stopped; check the camera and the line to it"),
            ErrorCode::NoStore => write!(f, "it keeps no models; build its firmware with another"),
            ErrorCode::ModelSize { bytes, most } => {
                write!(f, "the model has {bytes} bytes and it takes {most} at most")
            }
            ErrorCode::NoUpload => write!(f, "a part of a model came before its beginning; send it again"),
            ErrorCode::UploadOrder { expected, found } => {
                write!(f, "parts of a model do not follow each other: byte {expected}, then {found}; send it again")
            }
            ErrorCode::UploadChecksum => write!(f, "the model arrived damaged; send it again"),
            ErrorCode::Unfit(why) => write!(f, "the model was not taken: {why}"),
            ErrorCode::Store => {
                write!(
                    f,
                    "the memory for models failed; send it again, and if that fails too, the memory is worn out or full"
                )
            }
            ErrorCode::NoBootLoader => write!(f, "its boot loader cannot be started so"),
        }
    }
}

impl core::error::Error for ErrorCode {}
