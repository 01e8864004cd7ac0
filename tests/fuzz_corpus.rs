//! The fuzz targets' inputs, without libFuzzer: every file of the committed corpus behaves, so what fuzzing once found stays
//! mended; and the seeds reach what they are there for.

use std::{fs, path::Path};

use proptest::prelude::*;
use shared::model::{AlignedBytes, Network};
use tests::{random::Random, reference};

#[path = "fuzz/src/bench.rs"]
mod bench;
#[path = "fuzz/src/envelope.rs"]
mod envelope;
#[path = "fuzz/src/format_2.rs"]
mod format_2;
#[path = "fuzz/src/link.rs"]
mod link;
#[path = "fuzz/src/memory_store.rs"]
mod memory_store;
#[path = "fuzz/src/mend.rs"]
mod mend;
#[path = "fuzz/src/model.rs"]
mod model;
#[path = "fuzz/src/seeds.rs"]
mod seeds;
#[path = "fuzz/src/serial.rs"]
mod serial;

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// The files of a folder, with their names.
fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("listed"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("readable")))
        .collect();
    files.sort();
    files
}

/// With `WRITE_SEEDS` in the environment, the folder is written anew.
fn assert_committed(name: &str, extension: &str, seeds: &[(&str, Vec<u8>)]) {
    let mut expected: Vec<_> =
        seeds.iter().map(|(name, bytes)| (format!("{name}.{extension}"), bytes.clone())).collect();
    expected.sort();
    if std::env::var_os("WRITE_SEEDS").is_some() {
        let _ = fs::remove_dir_all(folder(name));
        fs::create_dir_all(folder(name)).expect("a folder");
        for (file, bytes) in &expected {
            fs::write(folder(name).join(file), bytes).expect("written");
        }
    }
    let committed = files(name);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(
        names(&committed),
        names(&expected),
        "write the folder anew: WRITE_SEEDS=1 cargo test -p tests --test fuzz_corpus"
    );
    for ((name, found), (_, expected)) in committed.iter().zip(&expected) {
        assert!(found == expected, "{name} is another: WRITE_SEEDS=1 cargo test -p tests --test fuzz_corpus");
    }
}

#[test]
fn every_seed_of_a_model_is_sound_and_gives_what_the_reference_gives() {
    let seeds = seeds::models();
    assert_committed("seeds/model", "fer", &seeds);
    for (name, bytes) in &seeds {
        assert!(bytes.len() < 3072, "{name} has {} bytes", bytes.len());
        let file = AlignedBytes::new(bytes);
        let network = Network::parse(file.as_slice()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(network.name(), "seed");
        let outcome = model::run(bytes);
        assert!(matches!(outcome, model::Outcome::Ran { .. }), "{name}: {outcome:?}");
    }
    let ran =
        |wanted: fn(&model::Outcome) -> bool| seeds.iter().filter(|(_, bytes)| wanted(&model::run(bytes))).count();
    assert!(ran(|outcome| matches!(outcome, model::Outcome::Ran { faces: true, .. })) >= 8);
    assert!(ran(|outcome| matches!(outcome, model::Outcome::Ran { compared: true, .. })) >= 15);
}

#[test]
fn every_seed_of_a_script_is_played() {
    let seeds = seeds::scripts();
    assert_committed("seeds/serial", "script", &seeds);
    let mut results = 0;
    for (name, bytes) in &seeds {
        let heard = serial::run(bytes);
        assert!(heard.results + heard.errors + heard.others + heard.lines > 0, "{name}: the device said nothing");
        let errors = [
            "hello_of_another_version",
            "options_out_of_range",
            "faces",
            "body",
            "damaged",
            "parts",
            "picture_of_another_size",
        ];
        assert_eq!(heard.errors > 0, errors.contains(name), "{name}: {heard:?}");
        let looked = usize::from(*name == "picture");
        assert_eq!((heard.seen, heard.views), (looked, looked), "{name}: {heard:?}");
        results += heard.results;
    }
    assert!(results >= 1, "no face was answered");
}

#[test]
fn every_file_of_the_corpus_behaves() {
    for (target, least) in [("model", 50), ("serial", 20)] {
        let files = files(&format!("corpus/{target}"));
        assert!(files.len() >= least, "{} files for {target}", files.len());
        for (name, bytes) in files {
            println!("{target} {name}");
            if target == "model" {
                model::run(&bytes);
            } else {
                serial::run(&bytes);
            }
        }
    }
}

/// As the fuzz target does it: bytes of a header are changed, and the steps are made to fit each other again in every other case.
#[test]
fn a_changed_network_is_refused_or_gives_what_the_reference_gives() {
    let seeds = seeds::models();
    let (mut refused, mut ran, mut compared, mut mended) = (0, 0, 0, 0);
    let mut random = Random(1);
    for case in 0..6000 {
        let (_, seed) = &seeds[case % seeds.len()];
        let mut contents = envelope::Contents::of(seed).expect("a seed has an envelope");
        for _ in 0..1 + case % 3 {
            let place = random.below(contents.header.len());
            contents.header[place] = random.bits() as u8;
        }
        if case % 2 == 0 {
            let before = contents.clone();
            mend::mend(&mut contents, 4000);
            mended += usize::from(contents != before);
        }
        match model::run(&contents.file()) {
            model::Outcome::Refused(_) => refused += 1,
            model::Outcome::TooLarge => {}
            model::Outcome::Ran { compared: was, .. } => {
                ran += 1;
                compared += usize::from(was);
            }
        }
    }
    println!("{refused} refused, {ran} ran, {compared} compared, {mended} mended");
    assert!(
        refused > 1000 && ran > 1000 && compared > 500 && mended > 500,
        "the cases do not show what they are there for"
    );
}

proptest! {
    #[test]
    fn the_envelope_keeps_what_it_is_put_around(
        version in 2u16..=3,
        header in proptest::collection::vec(any::<u8>(), 0..100),
        weights in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let contents = envelope::Contents { version, header, weights };
        prop_assert_eq!(envelope::Contents::of(&contents.file()), Some(contents));
    }
}
