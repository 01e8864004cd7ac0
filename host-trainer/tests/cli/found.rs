//! Trainings on faces that are found in photographs.

use std::{fs, path::Path};

use host_trainer::image_file::write_grey;

use super::{
    faces::{NETWORK, workplace},
    photographs::picture,
    program::run,
};

/// So many photographs with a face and one without for each split.
fn write_photographs(folder: &Path, splits: &[(&str, u64)]) {
    for (split, count) in splits {
        for index in 0..=*count {
            let path = folder.join(split).join(["happy", "sad"][index as usize % 2]);
            fs::create_dir_all(&path).expect("made");
            let faces = if index == *count { &[][..] } else { &[(index, [56, 36], 1)] };
            let pixels = picture([160, 120], faces).0;
            write_grey(&path.join(format!("{index}.png")), 160, 120, pixels).expect("written");
        }
    }
}

#[test]
fn a_training_on_photographs_names_those_without_a_face_and_goes_on_with_the_same_faces() {
    let folder = workplace();
    write_photographs(&folder.path().join("photos"), &[("train", 8), ("validation", 4)]);
    let arguments = format!("train --data photos --find-faces --architecture {NETWORK} --epochs 1 --out run");
    let ended = run(folder.path(), &arguments).done();
    let warning = "photos: no face in 2 of 14 photographs: ";
    let names = ended.err.lines().find_map(|line| line.split_once(warning)).expect("a warning").1;
    let names: Vec<&str> = names.split(", ").collect();
    assert_eq!(names.len(), 2, "{ended:#?}");
    assert!(names[0].ends_with("train/happy/8.png") && names[1].ends_with("validation/happy/4.png"), "{names:?}");
    assert!(ended.out.contains("faces        the faces found in photos"), "{ended:#?}");
    let configuration = fs::read_to_string(folder.path().join("run/config.toml")).expect("there");
    assert!(configuration.contains("find_faces = true"), "{configuration}");
    // The same again, from what was kept; then with a photograph changed.
    run(folder.path(), "train --resume run").done();
    write_grey(&folder.path().join("photos/train/happy/0.png"), 160, 120, picture([160, 120], &[(50, [40, 30], 1)]).0)
        .expect("written");
    run(folder.path(), "train --resume run").refused(1, "other faces of the faces found in photos");
}

#[test]
fn finding_faces_needs_a_folder() {
    let folder = workplace();
    fs::write(folder.path().join("faces.csv"), "emotion,pixels,Usage\n").expect("written");
    run(folder.path(), "train --find-faces").refused(2, "--data");
    run(folder.path(), "train --data faces.csv --find-faces").refused(1, "a folder of photographs");
    let wrong = format!("train --data . --finder a.ferf --architecture {NETWORK}");
    run(folder.path(), &wrong).refused(2, "--finder is of no use without --find-faces");
    run(folder.path(), "train --data . --find-faces --finder none.ferf").refused(1, "none.ferf");
}
