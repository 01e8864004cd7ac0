//! Pictures that are sent to a board, against what the host sees in them.

use shared::{finder::Finder, model::Model};
use tests::drawn_picture::{Picture, predict};

use super::host::Host;

/// Faces of several sizes, one that the border cuts, two, and none; and the smallest picture.
fn pictures() -> Vec<Picture> {
    vec![
        Picture::drawn(160, 120, &[(3, [50, 40], 1)]),
        Picture::drawn(160, 120, &[(3, [-6, 30], 2)]),
        Picture::drawn(200, 90, &[(1, [10, 20], 1), (3, [100, 5], 1)]),
        Picture::drawn(320, 240, &[(3, [100, 50], 3)]),
        Picture::plain(64, 48, 0),
        Picture::plain(1, 1, 9),
    ]
}

/// Box, eyes, score, logits and probabilities are the host's, and so is the face as the model saw it.
///
/// # Panics
/// If they are not.
pub fn sees_what_the_host_sees(host: &mut Host, model: &Model<'_>, finder: &Finder<'_>) {
    let (mut faces, pictures) = (0, pictures());
    for (index, picture) in pictures.iter().enumerate() {
        let seen = host.look(picture.size, &picture.pixels);
        let Some(expected) = predict(model, finder, picture) else {
            assert_eq!(seen.face, None, "picture {index}");
            continue;
        };
        faces += 1;
        let face = seen.face.unwrap_or_else(|| panic!("no face in picture {index}"));
        assert_eq!(face.eyes.map(|eye| eye.map(|place| place as f32 / 256.0)), expected.face.eyes, "picture {index}");
        assert_eq!(face.score.to_bits(), expected.face.score.to_bits(), "picture {index}");
        assert_eq!(face.emotion.logits[..expected.logits.len()], expected.logits, "picture {index}");
        assert_eq!(face.emotion.probabilities[..], expected.probabilities, "picture {index}");
        assert!(host.view_face() == expected.face.aligned, "the face of picture {index}, levelled");
    }
    assert!((3..pictures.len()).contains(&faces), "{faces} faces are compared");
    assert_eq!(host.stats().pictures as usize, pictures.len());
}
