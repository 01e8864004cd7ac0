//! What an ELF file loads, from its program headers (System V ABI, chapter 5).

/// Bytes of flash that a 32-bit little-endian ELF executable takes: everything that is loaded from the file, which is
/// code, constants and the initial values of variables.
///
/// # Panics
/// If `file` is no such executable.
pub fn flash_bytes(file: &[u8]) -> u32 {
    const PT_LOAD: u32 = 1;
    assert_eq!(&file[..6], b"\x7fELF\x01\x01", "not a 32-bit little-endian ELF file");
    let half = |at: usize| usize::from(u16::from_le_bytes(file[at..][..2].try_into().unwrap()));
    let word = |at: usize| u32::from_le_bytes(file[at..][..4].try_into().unwrap());
    let (table, entry_bytes, entries) = (word(28) as usize, half(42), half(44));
    (0..entries)
        .map(|index| table + index * entry_bytes)
        .filter(|&header| word(header) == PT_LOAD)
        .map(|header| word(header + 16))
        .sum()
}
