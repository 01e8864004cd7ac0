//! The target of each image, and its weight in the loss.

use shared::label::Emotion;

use super::{TrainingError, TrainingFaces};
use crate::architecture::{Balanced, ClassWeights, Recipe};

type Row = [f32; Emotion::COUNT];

/// One entry per image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Targets {
    /// Probabilities, 0 for emotions that the network does not know.
    pub rows: Vec<Row>,
    /// Factors of the loss; an image of weight 0 is left out.
    pub weights: Vec<f32>,
}

impl Targets {
    /// The targets, for a network of `emotions` emotions, of the epoch after `done` others. `importance` holds a factor for
    /// each image, or nothing.
    pub fn new(
        recipe: &Recipe,
        emotions: usize,
        training: &TrainingFaces<'_>,
        importance: &[f32],
        done: usize,
    ) -> Result<Self, TrainingError> {
        if recipe.needs_votes() && training.votes.is_none() {
            return Err(TrainingError::NoVotes);
        }
        let pretraining = done < recipe.pretraining_epochs;
        let share = if pretraining { 1.0 } else { recipe.votes };
        let learned = |image: usize| training.left_out.is_none_or(|left_out| !left_out[image]);
        let class_weights = {
            let labels = training.faces.labels.iter().enumerate().filter(|(image, _)| learned(*image));
            class_weights(recipe.class_weights.as_ref(), emotions, labels.map(|(_, &label)| label))
        };
        let mut targets = Self { rows: Vec::new(), weights: Vec::new() };
        for (image, &label) in training.faces.labels.iter().enumerate() {
            let label = usize::from(label);
            let votes = training.votes.and_then(|votes| votes[image]);
            let row = mixed(label, votes, share);
            targets.rows.push(smoothed(row, recipe.label_smoothing, emotions));
            let usable = learned(image) && (!pretraining || votes.is_some());
            let weight = importance.get(image).copied().unwrap_or(1.0) * class_weights[label];
            targets.weights.push(if usable { weight } else { 0.0 });
        }
        Ok(targets)
    }
}

/// The label and the votes, the latter with weight `share`.
fn mixed(label: usize, votes: Option<Row>, share: f32) -> Row {
    let one_hot: Row = std::array::from_fn(|class| f32::from(u8::from(class == label)));
    match votes {
        Some(votes) => std::array::from_fn(|class| one_hot[class] * (1.0 - share) + votes[class] * share),
        None => one_hot,
    }
}

/// A share of the target for all emotions alike.
fn smoothed(mut row: Row, share: f32, emotions: usize) -> Row {
    for p in row.iter_mut().take(emotions) {
        *p = *p * (1.0 - share) + share / emotions as f32;
    }
    row
}

/// A factor for each emotion; `labels` are those of the faces that are learned from.
fn class_weights(weights: Option<&ClassWeights>, emotions: usize, labels: impl Iterator<Item = u8>) -> Row {
    match weights {
        None => [1.0; Emotion::COUNT],
        Some(ClassWeights::Given(weights)) => std::array::from_fn(|class| weights.get(class).copied().unwrap_or(0.0)),
        Some(ClassWeights::Named(Balanced::Balanced)) => {
            let mut counts = [0usize; Emotion::COUNT];
            labels.for_each(|label| counts[usize::from(label)] += 1);
            let all: usize = counts.iter().sum();
            counts.map(|count| if count == 0 { 0.0 } else { all as f32 / (emotions * count) as f32 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{architecture::Architecture, training::LabelledFaces};

    fn recipe(change: impl FnOnce(&mut Recipe)) -> Recipe {
        let mut recipe = Architecture::find("levorse").expect("built in").recipe;
        change(&mut recipe);
        recipe
    }

    fn targets(recipe: &Recipe, votes: Option<&[Option<Row>]>, done: usize) -> Targets {
        let faces = LabelledFaces { images: &[], labels: &[3, 3, 3, 1] };
        let training = TrainingFaces { votes, ..TrainingFaces::from(faces) };
        Targets::new(recipe, 7, &training, &[], done).expect("there are votes")
    }

    const VOTES: [Option<Row>; 4] =
        [Some([0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0]), None, None, Some([0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])];

    #[test]
    fn without_options_the_label_is_the_target_and_every_image_counts_once() {
        let targets = targets(&recipe(|_| {}), None, 0);
        assert_eq!(targets.rows[3], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(targets.weights, [1.0; 4]);
    }

    #[test]
    fn smoothing_gives_every_emotion_its_share() {
        let targets = targets(&recipe(|recipe| recipe.label_smoothing = 0.7), None, 0);
        let expected = [0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0];
        assert!(targets.rows[3].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", targets.rows[3]);
    }

    #[test]
    fn eight_emotions_share_what_is_smoothed_and_have_as_many_weights() {
        let recipe = recipe(|recipe| {
            recipe.label_smoothing = 0.8;
            recipe.class_weights = Some(ClassWeights::Given(vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0]));
        });
        let training = TrainingFaces::from(LabelledFaces { images: &[], labels: &[7, 3] });
        let targets = Targets::new(&recipe, 8, &training, &[], 0).expect("sound");
        assert!((targets.rows[0][7] - 0.3).abs() < 1e-6 && (targets.rows[1][7] - 0.1).abs() < 1e-6);
        assert_eq!(targets.weights, [5.0, 1.0]);
    }

    #[test]
    fn votes_are_mixed_with_the_label_where_there_are_any() {
        let targets = targets(&recipe(|recipe| recipe.votes = 0.5), Some(&VOTES), 0);
        assert_eq!(targets.rows[0], [0.0, 0.0, 0.0, 0.75, 0.0, 0.0, 0.25, 0.0]);
        assert_eq!(targets.rows[1], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn pretraining_takes_the_votes_alone_and_leaves_out_images_without() {
        let recipe = recipe(|recipe| recipe.pretraining_epochs = 2);
        let first = targets(&recipe, Some(&VOTES), 1);
        assert_eq!(
            (first.rows[3], first.weights.as_slice()),
            (VOTES[3].unwrap_or_default(), &[1.0, 0.0, 0.0, 1.0][..])
        );
        let second = targets(&recipe, Some(&VOTES), 2);
        assert_eq!((second.rows[3][1], second.weights.as_slice()), (1.0, &[1.0; 4][..]));
    }

    #[test]
    fn an_image_that_is_left_out_has_no_weight() {
        let faces = LabelledFaces { images: &[], labels: &[3, 3, 3, 1] };
        let training = TrainingFaces { left_out: Some(&[false, true, false, false]), ..TrainingFaces::from(faces) };
        let targets = Targets::new(&recipe(|_| {}), 7, &training, &[], 0).expect("sound");
        assert_eq!(targets.weights, [1.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn balanced_emotions_count_the_same_in_all() {
        let targets =
            targets(&recipe(|recipe| recipe.class_weights = Some(ClassWeights::Named(Balanced::Balanced))), None, 0);
        assert!((targets.weights[..3].iter().sum::<f32>() - targets.weights[3]).abs() < 1e-6, "{:?}", targets.weights);
    }

    #[test]
    fn balance_is_that_of_the_faces_that_are_learned_from() {
        let recipe = recipe(|recipe| recipe.class_weights = Some(ClassWeights::Named(Balanced::Balanced)));
        let targets = |labels, left_out| {
            let training = LabelledFaces { images: &[], labels }.into();
            Targets::new(&recipe, 7, &TrainingFaces { left_out, ..training }, &[], 0).expect("sound").weights
        };
        let some = targets(&[3, 3, 1, 3, 1], Some(&[false, false, false, true, true]));
        assert_eq!(some[..3], targets(&[3, 3, 1], None));
        assert_eq!(some[3..], [0.0; 2]);
    }

    #[test]
    fn votes_that_are_needed_and_missing_are_an_error() {
        let faces = LabelledFaces { images: &[], labels: &[3] };
        let training = TrainingFaces::from(faces);
        let error = Targets::new(&recipe(|recipe| recipe.votes = 0.5), 7, &training, &[], 0).expect_err("none");
        assert!(error.to_string().contains("--votes"), "{error}");
    }
}
