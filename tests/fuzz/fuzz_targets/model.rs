//! Any bytes as a model file. Header and weights are mutated apart from each other, within an envelope that holds; now and
//! then the steps are made to fit each other again, as most changes of one step make the others wrong.
#![no_main]

use fuzz::{envelope::Contents, mend};
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    fuzz::model::run(bytes);
    Corpus::Keep
});

fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    let Some(mut contents) = Contents::of(&bytes[..size]) else { return fuzzer_mutate(bytes, size, most) };
    // The longest header that leaves room for envelope, padding and weights.
    let room = most.saturating_sub(contents.weights.len() + 40);
    if seed.is_multiple_of(4) && !contents.weights.is_empty() {
        let length = contents.weights.len();
        fuzzer_mutate(&mut contents.weights, length, length);
    } else if contents.header.len() <= room {
        let length = contents.header.len();
        contents.header.resize(room, 0);
        let length = fuzzer_mutate(&mut contents.header, length, room);
        contents.header.truncate(length);
    }
    if seed / 4 % 2 == 0 {
        let room = most.saturating_sub(contents.header.len() + 200);
        mend::mend(&mut contents, room);
    }
    let file = contents.file();
    if file.len() > most {
        return fuzzer_mutate(bytes, size, most);
    }
    bytes[..file.len()].copy_from_slice(&file);
    file.len()
});
