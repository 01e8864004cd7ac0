//! `upload`.

use std::{path::Path, thread};

use firmware::device::Board;
use host_trainer::monitor::{DeviceEnd, pipe, run_keeping_device};
use shared::{image::Processor, model::Model, preprocessing::FACE_PIXELS};

use super::{
    device::{self, EDGE, device},
    program::run,
};

#[path = "../../../tests/fuzz/src/memory_store.rs"]
mod memory_store;

use memory_store::MemoryStore;

static FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../../../firmware/models/demo_faces.bin").as_chunks().0;

/// Bytes for tensors: those of `edge`, and of models with less.
const ARENA_BYTES: u32 = 120_000;

/// Runs a device with `edge` inside, which keeps models.
fn keep_models(end: DeviceEnd, mut store: MemoryStore) {
    let board = Board { stack_high_water: None, demo_faces: FACES, demo_interval_us: 1_000_000, boot: 0 };
    let model = Model::parse(&EDGE.0).expect("sound");
    // More than a host is told, so that it refuses what does not fit.
    run_keeping_device(&model, &mut store, MemoryStore::newest, 1 << 20, end, (board, None))
        .expect("what was kept runs");
}

/// A device at a TCP port that keeps models of up to so many bytes.
fn keeping_device(most: u32) -> String {
    serve(MemoryStore::new(ARENA_BYTES, most))
}

fn serve(store: MemoryStore) -> String {
    let (host, end) = pipe();
    thread::spawn(move || keep_models(end, store));
    device::serve(host)
}

fn shipped(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/models").join(name).to_str().expect("text").into()
}

#[test]
fn a_model_is_put_on_a_device_and_runs_there_with_the_logits_of_this_machine() {
    let (folder, port) = (tempfile::tempdir().expect("a folder"), keeping_device(500_000));
    let upload =
        |model: &str, rest: &str| run(folder.path(), &format!("upload {} --port {port}{rest}", shipped(model)));
    let ended = upload("pico.fer", "").done();
    assert!(ended.out.starts_with("model pico "), "{}", ended.out);
    assert!(
        ended.out.contains(" runs on the device, slot A; it gives the logits of this program, in "),
        "{}",
        ended.out
    );
    assert!(ended.err.contains("model edge ") && ended.err.contains(", memory, built in"), "{}", ended.err);
    let ended = upload("levorse.fer", " --json").done();
    let object: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(
        (&object["model"], &object["running"], &object["board"]),
        (&"levorse".into(), &"slot B".into(), &"memory".into())
    );
    assert!(object["milliseconds"].as_f64().expect("a number") > 0.0 && object["crc"].is_string(), "{object}");
    let ended = upload("levorse.fer", "").done();
    assert!(ended.err.contains("it runs this model already"), "{}", ended.err);
}

#[test]
fn what_a_device_cannot_run_is_refused_before_a_byte_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = keeping_device(100_000);
    let upload = |model: &str| run(folder.path(), &format!("upload {model} --port {port}"));
    upload(&shipped("levorse.fer")).refused(1, "the model file has ");
    std::fs::write(folder.path().join("torn.fer"), &EDGE.0[..5000]).expect("written");
    upload("torn.fer").refused(1, "error: torn.fer: the model file is cut short");
    upload("none.fer").refused(1, "error: none.fer: ");
    let plain = device();
    let ended = run(folder.path(), &format!("upload {} --port {plain} --timeout 10000", shipped("pico.fer")));
    ended.refused(1, "this device keeps no models");
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_both_numbers() {
    let refused = |arena_bytes, processor, problem: &str| {
        let mut store = MemoryStore::new(arena_bytes, 500_000);
        store.processor = processor;
        let port = serve(store);
        let ended = run(Path::new("."), &format!("upload {} --port {port}", shipped("pico.fer")));
        ended.refused(1, problem);
    };
    refused(10_000, None, "the model needs 26880 bytes of RAM and memory has 10000; take a smaller model");
    // With the kernels' working memory.
    let processor = Some(Processor::CortexM0Plus);
    refused(30_000, processor, "the model needs 34807 bytes of RAM and memory has 30000; take a smaller model");
}
