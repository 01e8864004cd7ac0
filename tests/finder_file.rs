//! The finder file that ships: what is damaged is refused, and what is accepted runs.

use firmware::finder::{
    frame::Frame,
    search::{Search, memory_bytes},
};
use proptest::{
    prelude::RngExt,
    test_runner::{RngAlgorithm, TestRng},
};
use shared::{
    checksum::crc32,
    finder::{Finder, FinderError, encode},
    model::{Aligned, AlignedBytes},
};

static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/finder.ferf"));

/// The file with other bytes at some places, and a CRC that fits them.
fn repaired(changes: &[(usize, u8)]) -> AlignedBytes {
    let mut bytes = FINDER.0.to_vec();
    let body = bytes.len() - 4;
    for &(place, byte) in changes {
        bytes[place % body] = byte;
    }
    let crc = crc32(&bytes[..body]);
    bytes[body..].copy_from_slice(&crc.to_le_bytes());
    AlignedBytes::new(&bytes)
}

#[test]
fn the_finder_that_ships_is_what_was_encoded() {
    let finder = Finder::parse(&FINDER.0).expect("the finder that ships");
    assert!(finder.trees.len() > 50 && finder.header.take > finder.header.keep);
    let (confirm, eyes) = (finder.header.confirm_bytes as usize, finder.header.eyes_bytes as usize);
    // Each part begins at a multiple of 16, and the last ends 4 bytes and its padding before the file.
    let end = FINDER.0.len() - 4 - eyes.next_multiple_of(16);
    let eyes = &FINDER.0[end..end + eyes];
    let start = end - confirm.next_multiple_of(16);
    let again = encode(&finder.header, finder.trees, &FINDER.0[start..start + confirm], eyes).expect("sound");
    assert!(again.as_slice() == &FINDER.0);
    // What the model card promises: 48 KiB of memory beside a frame of 320x240, without what a processor's own kernels need to work;
    // 100 KiB of flash.
    let level = 320 * 2 / 3 * (240 * 2 / 3);
    let networks = [finder.confirm, finder.eyes].map(|network| network.arena_bytes() as usize + 32 * 32);
    assert!(networks.into_iter().fold(level, usize::max) <= 48 * 1024, "{level} {networks:?}");
    assert!(memory_bytes(&finder, 320, 240).expect("a size") >= level);
    assert!(FINDER.0.len() <= 100 * 1024);
}

#[test]
fn every_cut_is_noticed() {
    for length in (0..FINDER.0.len()).step_by(97).chain(0..40) {
        let cut = AlignedBytes::new(&FINDER.0[..length]);
        assert!(matches!(Finder::parse(cut.as_slice()), Err(FinderError::Truncated { .. })), "{length}");
    }
    let longer = AlignedBytes::new(&[&FINDER.0[..], &[0]].concat());
    assert!(matches!(Finder::parse(longer.as_slice()), Err(FinderError::TrailingBytes { .. })));
}

#[test]
fn what_is_no_finder_is_named() {
    let changed = |changes: &[(usize, u8)]| Finder::parse(repaired(changes).as_slice()).map(|_| ());
    assert_eq!(changed(&[(3, b'M')]), Err(FinderError::Magic(*b"FERM")));
    assert_eq!(changed(&[(4, 9)]), Err(FinderError::UnsupportedVersion { found: 9 }));
    assert_eq!(changed(&[(7, 1)]), Err(FinderError::Envelope));
    assert_eq!(changed(&[(15, 255)]), Err(FinderError::Envelope));
    let mut damaged = FINDER.0.to_vec();
    damaged[1000] ^= 4;
    assert!(matches!(Finder::parse(AlignedBytes::new(&damaged).as_slice()), Err(FinderError::Crc { .. })));
}

/// Numbers of the header and bytes of the trees are changed; the networks are behind checksums of their own, so a byte of theirs is
/// always refused.
#[test]
fn what_is_accepted_runs() {
    let trees = Finder::parse(&FINDER.0).expect("the finder that ships").trees;
    let start = trees.as_ptr().addr() - FINDER.0.as_ptr().addr();
    let (header, trees) = (16..start, start..start + size_of_val(trees));
    let (mut refused, mut ran) = (0, 0);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for case in 0..600 {
        let places = if case % 3 == 0 { header.clone() } else { trees.clone() };
        let changes: Vec<(usize, u8)> = (0..random.random_range(1..6))
            .map(|_| (random.random_range(places.clone()), random.random_range(0..=255)))
            .collect();
        let bytes = repaired(&changes);
        let Ok(finder) = Finder::parse(bytes.as_slice()) else {
            refused += 1;
            continue;
        };
        let grey: u8 = random.random_range(0..=255);
        let pixels: Vec<u8> =
            (0..96 * 72).map(|index| grey.wrapping_mul((index % 96 * 3 + index / 96) as u8)).collect();
        let frame = Frame::new(&pixels, 96, 72, 96).expect("a frame");
        let mut memory = vec![0; memory_bytes(&finder, 96, 72).expect("that of the finder that ships")];
        assert!(Search::new(&finder, &mut memory).faces(frame, f32::MIN).is_ok(), "{changes:?}");
        ran += 1;
    }
    assert!(refused > 50 && ran > 100, "{refused} refused, {ran} ran");
}
