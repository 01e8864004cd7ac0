//! The sample's file, and what a test puts in place of its parts.

use shared::{
    checksum::crc32,
    model::{AlignedBytes, Model, ModelError},
};
use tests::sample_model::sample_model;

pub fn sample_bytes() -> Vec<u8> {
    sample_model(1).encode().expect("the sample is sound").as_slice().to_vec()
}

/// Writes the checksum anew after a change, so that what lies behind it is reached.
pub fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(body) = bytes.len().checked_sub(4) {
        let crc = crc32(&bytes[..body]);
        bytes[body..].copy_from_slice(&crc.to_le_bytes());
    }
    bytes
}

pub fn parse(bytes: &[u8]) -> Result<u32, ModelError> {
    Model::parse(AlignedBytes::new(bytes).as_slice()).map(|model| model.crc())
}

/// A file of the sample's weights and this header, in an envelope that holds.
pub fn with_header(sample: &[u8], header: &[u8]) -> Vec<u8> {
    let length = |at: usize| u32::from_le_bytes(sample[at..at + 4].try_into().expect("four")) as usize;
    let weights = &sample[(16 + length(12)).next_multiple_of(16)..sample.len() - 4];
    let mut bytes = sample[..8].to_vec();
    let start = (16 + header.len()).next_multiple_of(16);
    bytes.extend(((start + weights.len() + 4) as u32).to_le_bytes());
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    bytes.resize(start, 0);
    bytes.extend(weights);
    bytes.extend([0; 4]);
    with_checksum(bytes)
}

pub fn header_of(sample: &[u8]) -> &[u8] {
    &sample[16..16 + u32::from_le_bytes(sample[12..16].try_into().expect("four")) as usize]
}
