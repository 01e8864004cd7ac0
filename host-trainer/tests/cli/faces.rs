//! Small data sets, and a network that learns from them in a moment.

use std::{fmt::Write, fs, path::Path};

use host_trainer::{image_file::write_grey, synthetic};

/// The name of the architecture file that [`data_sets`] writes.
pub const NETWORK: &str = "small.toml";

/// A network whose every epoch takes a moment.
pub fn architecture(recipe: &str) -> String {
    format!(
        "name = \"small\"\n[preprocessing]\nkind = \"local\"\nsigma_floor = 4.0\n[recipe]\nbatch_size = 8\nepochs = 2\n\
         optimizer = {{ kind = \"sgd\", learning_rate = 0.01 }}\n{recipe}\n\
         [[layer]]\nkind = \"conv2d\"\nfilters = 2\nkernel = 3\nstride = 4\n[[layer]]\nkind = \"relu\"\n\
         [[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n"
    )
}

/// A folder with an architecture file in it.
pub fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(NETWORK), architecture("")).expect("written");
    folder
}

/// Faces drawn with `seed` as PNG files under `folder`: so many for each split and emotion.
pub fn write_images(folder: &Path, seed: u64, splits: &[(&str, u64)]) {
    let mut index = 0;
    for (split, count) in splits {
        for _ in 0..count * 7 {
            let face = synthetic::face(seed, index);
            let path = folder.join(split).join(face.emotion.name());
            fs::create_dir_all(&path).expect("made");
            write_grey(&path.join(format!("{index:03}.png")), 48, 48, face.pixels.to_vec()).expect("written");
            index += 1;
        }
    }
}

/// Faces drawn with `seed` as a file like FER2013's, two thirds of them to train on, the others to validate on.
pub fn write_csv(path: &Path, seed: u64, count: u64) {
    let mut text = String::from("emotion,pixels,Usage\n");
    for index in 0..count {
        let face = synthetic::face(seed, index);
        let pixels: Vec<String> = face.pixels.iter().map(u8::to_string).collect();
        let usage = if index % 3 < 2 { "Training" } else { "PublicTest" };
        writeln!(text, "{},{},{usage}", face.emotion.index(), pixels.join(" ")).expect("in memory");
    }
    fs::write(path, text).expect("written");
}

/// FER+ votes for the faces of [`write_csv`]: `sure` of ten for the face's own emotion, the others for neutral.
pub fn write_votes(path: &Path, seed: u64, count: u64, sure: u8) {
    let names = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"];
    let mut text = format!("Usage,Image name,{},contempt,unknown,NF\n", names.join(","));
    for index in 0..count {
        let mut votes = [0; 7];
        votes[synthetic::face(seed, index).emotion.index()] += sure;
        votes[6] += 10 - sure;
        let usage = if index % 3 < 2 { "Training" } else { "PublicTest" };
        let votes: Vec<String> = votes.iter().map(u8::to_string).collect();
        writeln!(text, "{usage},{index}.png,{},0,0,0", votes.join(",")).expect("in memory");
    }
    fs::write(path, text).expect("written");
}
