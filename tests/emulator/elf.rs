//! What an ELF file loads, from its program headers (System V ABI, chapter 5).

/// Bytes of flash that a 32-bit little-endian ELF executable takes: everything that is loaded from the file, which is
/// code, constants and the initial values of variables.
///
/// # Panics
/// If `file` is no such executable.
pub fn flash_bytes(file: &[u8]) -> u32 {
    segments(file).map(|(_, bytes)| bytes.len() as u32).sum()
}

/// Bytes of RAM that such an executable's variables take, where RAM begins at `ram` and everything else lies before it.
///
/// # Panics
/// If `file` is no such executable.
pub fn ram_bytes(file: &[u8], ram: u32) -> u32 {
    headers(file).filter(|header| header.address >= ram).map(|header| header.memory_bytes).sum()
}

/// What such an executable puts into memory from `address` on, up to `length` bytes.
///
/// # Panics
/// If `file` is no such executable, or puts nothing there.
pub fn memory(file: &[u8], address: u32, length: usize) -> Vec<u8> {
    let mut memory = Vec::new();
    // Neighbouring segments follow one another.
    while memory.len() < length {
        let next = address + memory.len() as u32;
        let found = segments(file)
            .filter_map(|(start, bytes)| bytes.get(next.checked_sub(start)? as usize..))
            .find(|bytes| !bytes.is_empty());
        let Some(bytes) = found else { break };
        memory.extend_from_slice(&bytes[..bytes.len().min(length - memory.len())]);
    }
    assert!(!memory.is_empty(), "nothing is loaded to {address:#x}");
    memory
}

/// The physical address of every loaded part, and the part.
fn segments(file: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    headers(file).map(|header| (header.load_address, &file[header.offset..][..header.file_bytes]))
}

/// What is loaded, and where to.
struct Header {
    offset: usize,
    address: u32,
    load_address: u32,
    file_bytes: usize,
    memory_bytes: u32,
}

fn headers(file: &[u8]) -> impl Iterator<Item = Header> {
    const PT_LOAD: u32 = 1;
    assert_eq!(&file[..6], b"\x7fELF\x01\x01", "not a 32-bit little-endian ELF file");
    let half = |at: usize| usize::from(u16::from_le_bytes(file[at..][..2].try_into().unwrap()));
    let word = move |at: usize| u32::from_le_bytes(file[at..][..4].try_into().unwrap());
    let (table, entry_bytes, entries) = (word(28) as usize, half(42), half(44));
    (0..entries).map(move |index| table + index * entry_bytes).filter(move |&header| word(header) == PT_LOAD).map(
        move |header| Header {
            offset: word(header + 4) as usize,
            address: word(header + 8),
            load_address: word(header + 12),
            file_bytes: word(header + 16) as usize,
            memory_bytes: word(header + 20),
        },
    )
}
