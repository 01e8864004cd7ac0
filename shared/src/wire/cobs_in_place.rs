//! COBS (Cheshire and Baker 1999), decoded where it stands.

/// Decodes COBS in place and returns how many bytes it makes; `None` if it is wrong. It moves a run of bytes at a time, where the
/// library moves single ones: the cycles of an RP2040 for a picture over USB are limited (`tests/emulator/usb_port.rs`).
pub(super) fn decode_cobs(frame: &mut [u8]) -> Option<usize> {
    let (mut from, mut to) = (0, 0);
    while let Some(&code) = frame.get(from) {
        let end = from + usize::from(code);
        // The run lies behind its code; a code of 0 has none.
        frame.get(from + 1..end)?;
        frame.copy_within(from + 1..end, to);
        to += end - from - 1;
        from = end;
        if code < 0xff && from < frame.len() {
            *frame.get_mut(to)? = 0;
            to += 1;
        }
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cobs_is_decoded_as_the_library_does() {
        let (mut state, mut good) = (2013u32, 0);
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..2000 {
            let mut bytes = [0; 700];
            let length = random(700) as usize;
            // Long and short runs, zeros, and codes that lead too far.
            let most = [256, 3, 40][random(3) as usize];
            bytes.iter_mut().for_each(|byte| *byte = random(most) as u8);
            let (mut frame, whole) = ([0; 720], random(2) == 0);
            let count = if whole {
                cobs::encode(&bytes[..length], &mut frame)
            } else {
                frame[..length].iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte.max(1));
                length.max(1)
            };
            frame[0] = frame[0].max(1);
            let (mut ours, mut theirs) = (frame, frame);
            let expected = cobs::decode_in_place(&mut theirs[..count]).ok();
            assert_eq!(decode_cobs(&mut ours[..count]), expected);
            if let Some(decoded) = expected {
                assert_eq!(ours[..decoded], theirs[..decoded]);
                good += 1;
            }
        }
        assert!((1000..1900).contains(&good), "{good} of 2000 frames were sound");
    }
}
