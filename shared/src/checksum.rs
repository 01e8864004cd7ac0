//! The checksum of model files and of frames on the wire.

/// CRC-32/ISO-HDLC, the one of zip and Ethernet; a table of 1 KiB keeps it small and quick enough for a microcontroller.
pub const CRC_32: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// CRC-32/ISO-HDLC of `bytes`.
pub const fn crc32(bytes: &[u8]) -> u32 {
    CRC_32.checksum(bytes)
}

/// CRC-32 of bytes of which those before `bytes` have the CRC-32 `crc`; that of no bytes is 0.
///
/// ```
/// use shared::checksum::{crc32, crc32_after};
/// assert_eq!(crc32_after(crc32(b"1234"), b"56789"), crc32(b"123456789"));
/// ```
pub fn crc32_after(crc: u32, bytes: &[u8]) -> u32 {
    // The last step of the algorithm inverts the register; an initial value is given with its bits in the other order.
    let mut digest = CRC_32.digest_with_initial((!crc).reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn bytes_in_two_parts_have_the_checksum_of_the_whole() {
        let bytes = b"123456789";
        for middle in 0..=bytes.len() {
            let (first, second) = bytes.split_at(middle);
            assert_eq!(super::crc32_after(super::crc32(first), second), 0xcbf4_3926, "{middle}");
        }
        assert_eq!(super::crc32_after(0, bytes), 0xcbf4_3926);
    }
}
