//! Estimates of the time of a face, beside what was counted.

use images::estimate::cycles;
use shared::image::Processor;
use shared::model::{AlignedBytes, Model};

/// What `profile` counts on a Pico in rp2040js, and on the image AN505 of mps2 in QEMU, in the order of `Processor`. A Pico has no room
/// for `edge`.
const COUNTED: [(&str, [Option<u64>; 2]); 3] = [
    ("pico", [Some(43_660_929), Some(11_047_923)]),
    ("levorse", [Some(35_380_660), Some(9_077_349)]),
    ("edge", [None, Some(34_892_571)]),
];

#[test]
fn estimates_of_the_networks_that_ship_are_within_a_twentieth_of_what_was_counted() {
    for (name, counted) in COUNTED {
        let path = format!("{}/../models/{name}.fer", env!("CARGO_MANIFEST_DIR"));
        let file = AlignedBytes::new(&std::fs::read(&path).expect("it ships"));
        let model = Model::parse(file.as_slice()).expect("it ships");
        for (processor, counted) in [Processor::CortexM0Plus, Processor::CortexM33].into_iter().zip(counted) {
            let Some(counted) = counted else { continue };
            let ratio = cycles(&model, processor) as f64 / counted as f64;
            println!("{name} {processor:?} {} {ratio:.3}", cycles(&model, processor));
            assert!((0.95..=1.05).contains(&ratio), "{name} on {processor:?}: {ratio:.3} of what was counted");
        }
    }
}
