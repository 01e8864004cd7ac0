//! The envelope of a model file.

use super::{error::ModelError, record::Header, version_2::Header2};
use crate::checksum;

/// First bytes of every model file.
pub const MAGIC: [u8; 4] = *b"FERM";

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: u16 = 3;

/// The oldest version that it reads.
pub const OLDEST_VERSION: u16 = 2;

/// The version of a file, which says how its header is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Two,
    Three,
}

/// The weight section begins at a multiple of this many bytes.
pub const WEIGHT_ALIGNMENT: usize = 16;

pub(super) const PREFIX_BYTES: usize = 16;
pub(super) const CRC_BYTES: usize = 4;

/// A model file whose envelope holds: magic, version, lengths and CRC. What the header says is not checked.
#[derive(Clone, Copy, Debug)]
pub struct RawModel<'a> {
    pub(super) version: Version,
    pub(super) header: Header<'a>,
    pub(super) records: &'a [u8],
    pub(super) weights: &'a [u8],
    pub(super) crc: u32,
}

impl<'a> RawModel<'a> {
    /// Reads the envelope and the fixed part of the header.
    ///
    /// # Errors
    /// [`ModelError::Truncated`], [`TrailingBytes`](ModelError::TrailingBytes), [`Magic`](ModelError::Magic),
    /// [`UnsupportedVersion`](ModelError::UnsupportedVersion), [`Crc`](ModelError::Crc),
    /// [`Envelope`](ModelError::Envelope) or [`Header`](ModelError::Header).
    pub fn new(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let too_short = ModelError::Truncated { need: (PREFIX_BYTES + CRC_BYTES) as u32, have: bytes.len() };
        let (prefix, _) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(too_short)?;
        let [m0, m1, m2, m3, v0, v1, r0, r1, l0, l1, l2, l3, h0, h1, h2, h3] = *prefix;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(ModelError::Magic([m0, m1, m2, m3]));
        }
        let found = u16::from_le_bytes([v0, v1]);
        let version = match found {
            OLDEST_VERSION => Version::Two,
            FORMAT_VERSION => Version::Three,
            _ => return Err(ModelError::UnsupportedVersion { found, supported: FORMAT_VERSION }),
        };
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let have = bytes.len();
        match have.cmp(&(length as usize)) {
            core::cmp::Ordering::Less => return Err(ModelError::Truncated { need: length, have }),
            core::cmp::Ordering::Greater => return Err(ModelError::TrailingBytes { need: length, have }),
            core::cmp::Ordering::Equal => {}
        }
        let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(too_short)?;
        let stored = u32::from_le_bytes(*crc);
        let computed = checksum::crc32(body);
        if stored != computed {
            return Err(ModelError::Crc { stored, computed });
        }

        let header_end = PREFIX_BYTES.checked_add(u32::from_le_bytes([h0, h1, h2, h3]) as usize);
        let header_end = header_end.ok_or(ModelError::Envelope)?;
        let header_bytes = body.get(PREFIX_BYTES..header_end).ok_or(ModelError::Envelope)?;
        let weights_start = header_end.checked_next_multiple_of(WEIGHT_ALIGNMENT).ok_or(ModelError::Envelope)?;
        let padding = body.get(header_end..weights_start).ok_or(ModelError::Envelope)?;
        if [r0, r1] != [0, 0] || padding.iter().any(|&byte| byte != 0) {
            return Err(ModelError::Envelope);
        }
        let weights = body.get(weights_start..).ok_or(ModelError::Envelope)?;
        let (header, records) = match version {
            Version::Two => {
                let (header, records) =
                    postcard::take_from_bytes::<Header2<'a>>(header_bytes).map_err(|_| ModelError::Header)?;
                (header.header(), records)
            }
            Version::Three => postcard::take_from_bytes::<Header<'a>>(header_bytes).map_err(|_| ModelError::Header)?,
        };
        if header.weight_bytes as usize != weights.len() {
            return Err(ModelError::Envelope);
        }
        Ok(Self { version, header, records, weights, crc: stored })
    }

    /// The version of the format that the file has.
    pub fn format(&self) -> u16 {
        match self.version {
            Version::Two => OLDEST_VERSION,
            Version::Three => FORMAT_VERSION,
        }
    }

    /// The fixed part of the header, as it stands in the file.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }
}
