//! The envelope of a model file around any bytes, so that what lies behind magic, lengths and checksum is reached.

use shared::{
    checksum::crc32,
    model::{FORMAT_VERSION, MAGIC, OLDEST_VERSION, WEIGHT_ALIGNMENT},
};

const PREFIX_BYTES: usize = 16;
const CRC_BYTES: usize = 4;

/// What an envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Version of the format, one that is read.
    pub version: u16,
    /// Header and step records.
    pub header: Vec<u8>,
    /// The weight section.
    pub weights: Vec<u8>,
}

impl Contents {
    /// What stands where a model file has its header and its weights; `None` if there are not even the bytes of an envelope.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>()?;
        let (rest, _) = rest.split_last_chunk::<CRC_BYTES>()?;
        let stated = u32::from_le_bytes([prefix[12], prefix[13], prefix[14], prefix[15]]) as usize;
        let (header, rest) = rest.split_at(stated.min(rest.len()));
        let padding = header.len().next_multiple_of(WEIGHT_ALIGNMENT) - header.len();
        let version = if u16::from(prefix[4]) == OLDEST_VERSION { OLDEST_VERSION } else { FORMAT_VERSION };
        let weights = rest.get(padding..).unwrap_or(&[]);
        Some(Self { version, header: header.to_vec(), weights: weights.to_vec() })
    }

    /// The file: magic, version, lengths and checksum are right, whatever lies between.
    pub fn file(&self) -> Vec<u8> {
        let start = (PREFIX_BYTES + self.header.len()).next_multiple_of(WEIGHT_ALIGNMENT);
        let length = start + self.weights.len() + CRC_BYTES;
        let mut file = Vec::with_capacity(length);
        file.extend(MAGIC);
        file.extend(self.version.to_le_bytes());
        file.extend([0, 0]);
        file.extend((length as u32).to_le_bytes());
        file.extend((self.header.len() as u32).to_le_bytes());
        file.extend(&self.header);
        file.resize(start, 0);
        file.extend(&self.weights);
        file.extend(crc32(&file).to_le_bytes());
        file
    }
}
