use shared::label::Emotion;

use super::*;

/// Twelve faces; `label, answer`. What scikit-learn 1.9 says of them is in the tests.
const PAIRS: [(usize, usize); 12] =
    [(0, 0), (0, 0), (0, 3), (1, 0), (2, 2), (2, 4), (3, 3), (3, 3), (4, 4), (5, 5), (5, 2), (6, 4)];

fn emotion(index: usize) -> Emotion {
    Emotion::from_index(index).expect("0..7")
}

fn confusion() -> Confusion {
    PAIRS.into_iter().map(|(label, answer)| (emotion(label), emotion(answer))).collect()
}

/// Logits that repeat every 7 and every 5 faces: no pattern, no random numbers.
fn faces(count: usize) -> (Vec<Emotion>, Vec<Logits>) {
    let label = |face: usize| emotion((face * face + face / 5) % 7);
    let logits = |face: usize| {
        let noise = |class: usize| ((face * 31 + class * 17) % 23) as f32 / 4.0;
        std::array::from_fn(|class| noise(class) + if class == label(face).index() { 2.5 } else { 0.0 })
    };
    ((0..count).map(label).collect(), (0..count).map(logits).collect())
}
