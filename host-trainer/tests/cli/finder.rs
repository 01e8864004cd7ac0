//! `train-finder` from drawn faces and drawn pictures, as small as can be.

use std::{fs, path::Path};

use host_trainer::{files::lock, image_file::write_grey, synthetic};

use super::program::run;

/// A recipe of a few trees and steps.
const RECIPE: &str = r#"
seed = 1
aside = 0.2
false_in_thousand = 50.0

[trees]
trees = 4
windows = 300
loss = 0.1
soon = 2.0
roll = 20.0
scene_loss = 0.1

[confirm]
network = "finder-confirm"
scenes = 40
steps = 3
rounds = 2
least = -20.0

[eyes]
network = "finder-eyes"
scenes = 40
steps = 3
rounds = 1
least = -20.0
"#;

/// Pictures of stripes, and a folder of drawn faces with the table of their eyes.
fn material(folder: &Path) {
    fs::create_dir_all(folder.join("empty")).expect("a folder");
    for index in 0..6usize {
        let pixels = (0..200 * 150).map(|at| ((at % 200 * index + at / 200 * 7) % 256) as u8).collect();
        write_grey(&folder.join(format!("empty/{index}.png")), 200, 150, pixels).expect("written");
    }
    fs::write(folder.join("empty/notes.txt"), "no picture").expect("written");
    let mut csv = String::from("emotion,pixels,Usage\n");
    let mut eyes = String::from("face,left_x,left_y,right_x,right_y\n");
    for index in 0..20 {
        let face = synthetic::face(2, index);
        let pixels: Vec<String> = face.pixels.iter().map(u8::to_string).collect();
        csv += &format!("{},{},Training\n", face.emotion as u8, pixels.join(" "));
        let [[lx, ly], [rx, ry]] = face.eyes;
        eyes += &format!("{index},{lx},{ly},{rx},{ry}\n");
    }
    fs::write(folder.join("faces.csv"), csv).expect("written");
    fs::write(folder.join("eyes.csv"), eyes).expect("written");
    fs::write(folder.join("small.toml"), RECIPE).expect("written");
}

const COMMAND: &str = "train-finder --data faces.csv --eyes eyes.csv --photographs empty --recipe small.toml --out run";

#[test]
fn a_finder_is_trained_reported_and_used_and_a_second_start_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    material(folder.path());
    run(folder.path(), COMMAND).done();
    let made = fs::read(folder.path().join("run/finder.ferf")).expect("a finder");
    let report = fs::read_to_string(folder.path().join("run/report.md")).expect("a report");
    assert!(report.contains("20 faces") && report.contains("1 file left out"), "{report}");
    // What is there already is not made again; the rest is the same.
    fs::remove_file(folder.path().join("run/finder.ferf")).expect("there");
    fs::remove_file(folder.path().join("run/eyes.burnpack")).expect("there");
    run(folder.path(), COMMAND).done();
    assert!(fs::read(folder.path().join("run/finder.ferf")).expect("a finder") == made, "another finder");
    let again = fs::read_to_string(folder.path().join("run/report.md")).expect("a report");
    assert!(again == report, "what was reported before is kept:\n{report}\n{again}");
    run(folder.path(), "predict --finder run/finder.ferf empty/0.png").done();
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with_and_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    material(folder.path());
    run(folder.path(), COMMAND).done();
    let other = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(folder.path().join(name)).expect("there");
        fs::write(folder.path().join(name), text.replace(from, to)).expect("written");
        text
    };
    let recipe = other("small.toml", "steps = 3", "steps = 4");
    run(folder.path(), COMMAND)
        .refused(1, "run: the finder there is made from other settings (recipe); choose another folder");
    // Comments are no other recipe.
    fs::write(folder.path().join("small.toml"), format!("# small\n{recipe}")).expect("written");
    run(folder.path(), COMMAND).done();
    let eyes = other("eyes.csv", "\n0,", "\n1,");
    run(folder.path(), COMMAND).refused(1, "run: the finder there is made from other faces or eyes");
    fs::write(folder.path().join("eyes.csv"), eyes).expect("written");
    fs::rename(folder.path().join("empty/5.png"), folder.path().join("5.png")).expect("moved");
    run(folder.path(), COMMAND).refused(1, "run: the finder there is made from other photographs");
    fs::rename(folder.path().join("5.png"), folder.path().join("empty/5.png")).expect("moved");
    {
        let _held = lock(&folder.path().join("run/lock")).expect("locked");
        run(folder.path(), COMMAND).refused(1, "run: another program makes a finder there; wait for it");
    }
    fs::write(folder.path().join("run/trees.bin"), "torn").expect("written");
    fs::remove_file(folder.path().join("run/finder.ferf")).expect("there");
    run(folder.path(), COMMAND).refused(1, "trees.bin: damaged; delete it");
    fs::remove_file(folder.path().join("run/config.toml")).expect("there");
    run(folder.path(), COMMAND).refused(1, "run: holds parts of a finder whose config.toml is gone");
}

#[test]
fn a_finder_is_measured_without_photographs() {
    let folder = tempfile::tempdir().expect("a folder");
    material(folder.path());
    fs::create_dir(folder.path().join("run")).expect("a folder");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware/models/finder.ferf");
    fs::copy(shipped, folder.path().join("run/finder.ferf")).expect("copied");
    let frames = "file,kind,x0,y0,x1,y1,lx,ly,rx,ry\nempty/0.png,none,10,10,60,60,22,24,46,24\n";
    fs::write(folder.path().join("frames.csv"), frames).expect("written");
    let said = run(folder.path(), "train-finder --out run --frames frames.csv").done().out;
    let found: Vec<&str> = said.lines().filter(|line| line.contains("0 of 1")).collect();
    assert_eq!(found.len(), 3, "a row a turn: {said}");
    run(folder.path(), "train-finder --out elsewhere --frames frames.csv").refused(2, "--photographs");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    material(folder.path());
    let without = COMMAND.replace("--photographs empty ", "");
    run(folder.path(), &without).refused(2, "--photographs");
    fs::create_dir(folder.path().join("none")).expect("a folder");
    run(folder.path(), &COMMAND.replace("empty", "none")).refused(1, "no photographs in none");
    fs::write(folder.path().join("eyes.csv"), "face,left_x,left_y,right_x,right_y\n3,30,20,12,20\n").expect("written");
    run(folder.path(), COMMAND).refused(1, "eyes.csv, line 2: ");
    fs::write(folder.path().join("small.toml"), RECIPE.replace("trees = 4", "trees = 0")).expect("written");
    run(folder.path(), COMMAND).refused(1, "small.toml: `trees.trees` must be 1 to 1024");
    run(folder.path(), "train --architecture finder-eyes").refused(1, "classifies no faces; `train-finder` trains it");
    fs::write(folder.path().join("bad.ferf"), "FERF").expect("written");
    run(folder.path(), "predict --finder bad.ferf empty/0.png").refused(1, "bad.ferf: ");
}
