//! The finder file (`*.ferf`): what finds faces in a frame.
//!
//! # Format, version 1
//!
//! All integers are little-endian. `postcard` means version 1 of its wire format (varints, no field names). The envelope
//! is that of a [model file](crate::model).
//!
//! | bytes | content |
//! |---|---|
//! | 0..4 | magic, `FERF` |
//! | 4..6 | format version, `u16` |
//! | 6..8 | zero |
//! | 8..12 | length of the whole file in bytes, `u32` |
//! | 12..16 | length `H` of the header in bytes, `u32` |
//! | 16..16+H | a postcard [`FinderHeader`] |
//! | to the next multiple of 16 | zeros |
//! | 96 each | [`FinderHeader::trees`] [`Tree`]s |
//! | [`FinderHeader::confirm_bytes`] | the network that confirms, a whole model file |
//! | to the next multiple of 16 | zeros |
//! | [`FinderHeader::eyes_bytes`] | the network that places the eyes, a whole model file |
//! | last 4 | CRC-32 (ISO-HDLC) of everything before, `u32` |
//!
//! A tree is 31 pairs of pixels of a 16x16 window (row x 16 + column), 32 leaves (`i8`) and a threshold (`i16`). Both
//! networks read a square of grey levels, standardized with [`FinderHeader::sigma_floor`], and write five values: the
//! logit of a face, then x and y of the eye on the left of the picture, then x and y of the other. Eyes are given in 1/32
//! of the square's side, from where the eyes of a centred face are.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use crate::{
    checksum,
    model::{ModelError, Network},
    shape::Shape,
    tensor::Tensor,
};

/// First bytes of every finder file.
pub const MAGIC: [u8; 4] = *b"FERF";

/// The version of the format.
pub const FORMAT_VERSION: u16 = 1;

/// Rows and columns of the window that trees look at.
pub const WINDOW: usize = 16;

/// Comparisons from the root of a tree to a leaf.
pub const DEPTH: usize = 5;

/// Values that the networks write.
pub const OUTPUTS: u16 = 5;

/// Trees that a finder has at most.
pub const MOST_TREES: u16 = 1024;

const PREFIX_BYTES: usize = 16;
const CRC_BYTES: usize = 4;
const ALIGNMENT: usize = 16;

/// A binary tree of pixel comparisons, with a value for each leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Tree {
    /// Two pixels of the window, row x 16 + column each. The children of node `n` are `2 n + 1` and, if the first pixel is
    /// not brighter than the second, `2 n + 2`.
    pub nodes: [[u8; 2]; (1 << DEPTH) - 1],
    /// The values of the leaves.
    pub leaves: [i8; 1 << DEPTH],
    /// If the sum of the leaves up to this tree's is below the threshold, the window holds no face.
    pub threshold: i16,
}

/// The header of a finder file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinderHeader {
    /// Number of trees.
    pub trees: u16,
    /// Bytes of the network that confirms.
    pub confirm_bytes: u32,
    /// Bytes of the network that places the eyes.
    pub eyes_bytes: u32,
    /// Floor of the squares' standard deviation, in 1/256 grey levels.
    pub sigma_floor: u16,
    /// A proposal holds no face if the logit of the network that confirms is below this.
    pub confirm: f32,
    /// The lowest score of a face that is new in a video, or in a single frame. The score is the logit of the network that
    /// places the eyes plus half the logit of the network that confirms.
    pub take: f32,
    /// The lowest score of a face that was in the frame before.
    pub keep: f32,
}

/// A checked finder, borrowed from the bytes of its file.
#[derive(Clone, Copy, Debug)]
pub struct Finder<'a> {
    /// The header of the file.
    pub header: FinderHeader,
    /// They reject most windows.
    pub trees: &'a [Tree],
    /// The network that confirms the windows that are left.
    pub confirm: Network<'a>,
    /// The network that places the eyes in confirmed faces, which it sees levelled.
    pub eyes: Network<'a>,
    /// CRC-32 of the file.
    pub crc: u32,
}

/// What is wrong with a finder file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FinderError {
    /// Fewer bytes than the file says.
    Truncated {
        /// Bytes that the file says it has.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// More bytes than the file says.
    TrailingBytes {
        /// Bytes that the file says it has.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// The first bytes are not `FERF`.
    Magic([u8; 4]),
    /// A version of the format that this crate does not read.
    UnsupportedVersion {
        /// The file's.
        found: u16,
    },
    /// The file is damaged.
    Crc {
        /// What the file says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// Lengths in the file do not fit together, or what must be zero is not.
    Envelope,
    /// The header cannot be read, or a number in it is out of range.
    Header,
    /// The bytes do not lie at a multiple of 4 in memory.
    Alignment,
    /// One of the networks is not a sound model file.
    Network(ModelError),
    /// A network does not read a grey square of 8 to 64 pixels, or does not write five values.
    Shape,
}

impl core::fmt::Display for FinderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            FinderError::Truncated { need, have } => {
                write!(f, "the finder file has {have} bytes and says {need}; copy it again")
            }
            FinderError::TrailingBytes { need, have } => {
                write!(f, "the finder file has {have} bytes, more than the {need} that it says; copy it again")
            }
            FinderError::Magic(found) => write!(f, "not a finder file: it begins with {found:02x?}, not `FERF`"),
            FinderError::UnsupportedVersion { found } => write!(
                f,
                "the finder file has format {found} and this program reads {FORMAT_VERSION}; train it again or update"
            ),
            FinderError::Crc { stored, computed } => {
                write!(f, "the finder file is damaged (CRC {computed:08x}, not {stored:08x}); copy it again")
            }
            FinderError::Envelope => write!(f, "the lengths in the finder file do not fit together"),
            FinderError::Header => write!(f, "the header of the finder file is unreadable"),
            FinderError::Alignment => write!(f, "the finder file does not lie at a multiple of 4 in memory"),
            FinderError::Network(error) => write!(f, "a network of the finder: {error}"),
            FinderError::Shape => {
                write!(f, "a network of the finder does not turn a grey square of 8 to 64 pixels into five values")
            }
        }
    }
}

impl core::error::Error for FinderError {}

impl<'a> Finder<'a> {
    /// Reads and checks a finder file.
    ///
    /// # Errors
    /// A [`FinderError`] that says what is wrong. No byte string makes it panic.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FinderError> {
        let have = bytes.len();
        let need = PREFIX_BYTES + CRC_BYTES;
        let (prefix, _) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(FinderError::Truncated { need, have })?;
        let [m0, m1, m2, m3, v0, v1, r0, r1, l0, l1, l2, l3, h0, h1, h2, h3] = *prefix;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(FinderError::Magic([m0, m1, m2, m3]));
        }
        let found = u16::from_le_bytes([v0, v1]);
        if found != FORMAT_VERSION {
            return Err(FinderError::UnsupportedVersion { found });
        }
        let need = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        match have.cmp(&need) {
            core::cmp::Ordering::Less => return Err(FinderError::Truncated { need, have }),
            core::cmp::Ordering::Greater => return Err(FinderError::TrailingBytes { need, have }),
            core::cmp::Ordering::Equal => {}
        }
        let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(FinderError::Envelope)?;
        let (stored, computed) = (u32::from_le_bytes(*crc), checksum::crc32(body));
        if stored != computed {
            return Err(FinderError::Crc { stored, computed });
        }
        if [r0, r1] != [0, 0] {
            return Err(FinderError::Envelope);
        }
        let mut parts = Parts { body, place: PREFIX_BYTES };
        let header = parts.next(u32::from_le_bytes([h0, h1, h2, h3]) as usize)?;
        let (header, rest) = postcard::take_from_bytes::<FinderHeader>(header).map_err(|_| FinderError::Header)?;
        let scores = [header.confirm, header.take, header.keep];
        if !rest.is_empty() || header.trees > MOST_TREES || scores.iter().any(|score| !score.is_finite()) {
            return Err(FinderError::Header);
        }
        let trees = parts.next(usize::from(header.trees) * size_of::<Tree>())?;
        let trees = bytemuck::try_cast_slice(trees).map_err(|_| FinderError::Alignment)?;
        let confirm = network(parts.next(header.confirm_bytes as usize)?)?;
        let eyes = network(parts.next(header.eyes_bytes as usize)?)?;
        match parts.place == body.len() {
            true => Ok(Self { header, trees, confirm, eyes, crc: stored }),
            false => Err(FinderError::Envelope),
        }
    }
}

/// The parts of a file, each from a multiple of 16 on, with zeros between them.
struct Parts<'a> {
    body: &'a [u8],
    place: usize,
}

impl<'a> Parts<'a> {
    fn next(&mut self, bytes: usize) -> Result<&'a [u8], FinderError> {
        let end = self.place.checked_add(bytes).ok_or(FinderError::Envelope)?;
        let part = self.body.get(self.place..end).ok_or(FinderError::Envelope)?;
        let padded = end.checked_next_multiple_of(ALIGNMENT).ok_or(FinderError::Envelope)?;
        let padding = self.body.get(end..padded).ok_or(FinderError::Envelope)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(FinderError::Envelope);
        }
        self.place = padded;
        Ok(part)
    }
}

fn network(bytes: &[u8]) -> Result<Network<'_>, FinderError> {
    let network = Network::parse(bytes).map_err(FinderError::Network)?;
    let Shape { height, width, channels } = network.input().shape;
    let mut outputs = network.outputs();
    let output = outputs.next().map(|Tensor { shape, .. }| shape);
    let fits = height == width && (8..=64).contains(&height) && channels == 1 && outputs.next().is_none();
    match fits && output == Some(Shape::vector(OUTPUTS)) {
        true => Ok(network),
        false => Err(FinderError::Shape),
    }
}

/// Writes a finder file. `trees`, `confirm_bytes` and `eyes_bytes` of the header are filled in.
///
/// # Errors
/// [`FinderError`] if the result would not pass [`Finder::parse`].
#[cfg(feature = "alloc")]
pub fn encode(
    header: &FinderHeader,
    trees: &[Tree],
    confirm: &[u8],
    eyes: &[u8],
) -> Result<crate::model::AlignedBytes, FinderError> {
    extern crate alloc;
    use alloc::vec::Vec;

    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| FinderError::Envelope);
    let header = FinderHeader {
        trees: u16::try_from(trees.len()).map_err(|_| FinderError::Header)?,
        confirm_bytes: length(confirm)?,
        eyes_bytes: length(eyes)?,
        ..*header
    };
    let head = postcard::to_allocvec(&header).map_err(|_| FinderError::Header)?;
    let mut file: Vec<u8> = Vec::new();
    file.extend(MAGIC);
    file.extend(FORMAT_VERSION.to_le_bytes());
    file.extend([0; 6]);
    file.extend(length(&head)?.to_le_bytes());
    for part in [&head[..], bytemuck::cast_slice(trees), confirm, eyes] {
        file.extend(part);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
    }
    let whole = u32::try_from(file.len() + CRC_BYTES).map_err(|_| FinderError::Envelope)?;
    file[8..12].copy_from_slice(&whole.to_le_bytes());
    file.extend(checksum::crc32(&file).to_le_bytes());
    let file = crate::model::AlignedBytes::new(&file);
    Finder::parse(file.as_slice())?;
    Ok(file)
}
