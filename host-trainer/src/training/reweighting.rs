//! Importance weights against wrong labels.
//!
//! An image `x` of emotion `i` was given the label `j` with probability `T[i][j]`, so the posterior of the labels as they are
//! is `P'(j | x) = sum_i T[i][j] P(i | x)`. Given `T` and a network for `P'`, `P` follows, and the expectation of the loss over
//! true labels is that over given labels weighted by `P(label | x) / P'(label | x)` (Liu and Tao 2016, "Classification with
//! Noisy Labels by Importance Reweighting", equation 5; for several classes Wang, Liu and Tao 2017, "Multiclass Learning
//! With Partially Corrupted Labels").

use shared::label::Emotion;

use crate::architecture::Noise;
use crate::data::VoteShares;

/// FER2013's emotions: it is their labels that are wrong.
const CLASSES: usize = Emotion::FER2013.len();

/// `[row][column]`.
pub type Matrix = [[f32; CLASSES]; CLASSES];

/// A label can not count more than this many times: a division by a small probability is mostly noise itself.
const LARGEST_WEIGHT: f32 = 5.0;

/// Images of an emotion that are taken for pure ones: their mean is less at the mercy of one odd image than the surest alone.
const ANCHORS: usize = 20;

/// A weight for each image, mean 1, from the network's probabilities for it and its label.
pub(super) fn importance(
    probabilities: &[[f32; CLASSES]],
    labels: &[u8],
    votes: Option<&[VoteShares]>,
    noise: &Noise,
) -> Vec<f32> {
    let rates = match noise {
        Noise::Anchors => anchors(probabilities),
        Noise::Votes => counted(labels, votes.unwrap_or_default()),
        Noise::Rates(rates) => *rates,
    };
    let inverse = inverse(transposed(&rates));
    let weight = |(row, &label): (&[f32; CLASSES], &u8)| {
        let Some(inverse) = &inverse else { return 1.0 };
        let label = usize::from(label);
        let clean: [f32; CLASSES] = inverse.map(|of| dot(&of, row).max(0.0));
        let sum: f32 = clean.iter().sum();
        let ratio = clean[label] / sum.max(f32::MIN_POSITIVE) / row[label].max(1e-6);
        ratio.min(LARGEST_WEIGHT)
    };
    let weights: Vec<f32> = probabilities.iter().zip(labels).map(weight).collect();
    let mean = weights.iter().sum::<f32>() / weights.len().max(1) as f32;
    weights.into_iter().map(|weight| weight / mean.max(f32::MIN_POSITIVE)).collect()
}

/// Row `i` is the mean of the probabilities of the images that are surest to be `i`: there, only the noise is left.
fn anchors(probabilities: &[[f32; CLASSES]]) -> Matrix {
    std::array::from_fn(|class| {
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| probabilities[b][class].total_cmp(&probabilities[a][class]));
        let surest = &order[..order.len().min(ANCHORS)];
        let sum = |other: usize| surest.iter().map(|&image| probabilities[image][other]).sum::<f32>();
        normalized(std::array::from_fn(sum), class)
    })
}

/// Row `i` is the mean of the labels, weighted by the share of votes for `i`.
fn counted(labels: &[u8], votes: &[VoteShares]) -> Matrix {
    let mut counts = [[0.0f64; CLASSES]; CLASSES];
    for (&label, votes) in labels.iter().zip(votes) {
        for (row, share) in counts.iter_mut().zip(votes.unwrap_or_default()) {
            row[usize::from(label)] += f64::from(share);
        }
    }
    std::array::from_fn(|class| normalized(counts[class].map(|count| count as f32), class))
}

/// The row divided by its sum; without any, no noise.
fn normalized(row: [f32; CLASSES], class: usize) -> [f32; CLASSES] {
    let sum: f32 = row.iter().sum();
    let pure = |other: usize| f32::from(u8::from(other == class));
    std::array::from_fn(|other| if sum > 0.0 { row[other] / sum } else { pure(other) })
}

fn transposed(matrix: &Matrix) -> Matrix {
    std::array::from_fn(|row| std::array::from_fn(|column| matrix[column][row]))
}

fn dot(a: &[f32; CLASSES], b: &[f32; CLASSES]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// By Gauss and Jordan with pivots; `None` if there is no inverse.
fn inverse(matrix: Matrix) -> Option<Matrix> {
    let mut left = matrix.map(|row| row.map(f64::from));
    let mut right: [[f64; CLASSES]; CLASSES] =
        std::array::from_fn(|row| std::array::from_fn(|column| f64::from(u8::from(row == column))));
    for column in 0..CLASSES {
        let pivot = (column..CLASSES).max_by(|&a, &b| left[a][column].abs().total_cmp(&left[b][column].abs()))?;
        if left[pivot][column].abs() < 1e-6 {
            return None;
        }
        left.swap(column, pivot);
        right.swap(column, pivot);
        let factor = left[column][column];
        let (source, target) = (left[column].map(|x| x / factor), right[column].map(|x| x / factor));
        for row in 0..CLASSES {
            let factor = if row == column { 0.0 } else { left[row][column] };
            for i in 0..CLASSES {
                left[row][i] -= factor * source[i];
                right[row][i] -= factor * target[i];
            }
        }
        (left[column], right[column]) = (source, target);
    }
    Some(right.map(|row| row.map(|x| x as f32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four in five labels are right, the others are the next emotion.
    fn rates() -> Matrix {
        std::array::from_fn(|i| {
            std::array::from_fn(|j| if i == j { 0.8 } else { f32::from(u8::from(j == (i + 1) % CLASSES)) * 0.2 })
        })
    }

    /// The label noise makes of a clean posterior.
    fn noisy(clean: [f32; CLASSES]) -> [f32; CLASSES] {
        let rates = rates();
        std::array::from_fn(|j| (0..CLASSES).map(|i| rates[i][j] * clean[i]).sum())
    }

    #[test]
    fn a_wrong_label_counts_for_nothing_and_a_right_one_for_more() {
        let mut sure = [0.0; CLASSES];
        sure[2] = 1.0;
        let rows = [noisy(sure), noisy(sure)];
        let weights = importance(&rows, &[2, 3], None, &Noise::Rates(rates()));
        assert!((weights[0] - 2.0).abs() < 1e-4 && weights[1].abs() < 1e-4, "{weights:?}");
    }

    #[test]
    fn without_noise_all_images_count_the_same() {
        let pure = std::array::from_fn(|i| std::array::from_fn(|j| f32::from(u8::from(i == j))));
        let rows = [[0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1], [0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]];
        assert!(importance(&rows, &[4, 0], None, &Noise::Rates(pure)).iter().all(|w| (w - 1.0).abs() < 1e-5));
    }

    #[test]
    fn anchors_find_the_rates_where_some_images_are_pure() {
        let rows: Vec<[f32; CLASSES]> = (0..7 * 40)
            .map(|image| {
                let mut clean = [0.02; CLASSES];
                clean[image % CLASSES] = 0.88;
                let pure = std::array::from_fn(|class| f32::from(u8::from(class == image % CLASSES)));
                noisy(if image < 7 * 20 { pure } else { clean })
            })
            .collect();
        let found = anchors(&rows);
        assert!(
            found.as_flattened().iter().zip(rates().as_flattened()).all(|(a, b)| (a - b).abs() < 1e-3),
            "{found:?}"
        );
    }

    #[test]
    fn votes_count_what_labels_an_emotion_was_given() {
        let mut votes = [0.0; Emotion::COUNT];
        (votes[0], votes[5]) = (0.5, 0.5);
        let found = counted(&[0, 0, 0, 5], &[Some(votes); 4]);
        assert_eq!((found[0][0], found[0][5], found[5][0]), (0.75, 0.25, 0.75));
        assert_eq!(found[1][1], 1.0, "nobody voted for it: no noise is known");
    }

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let inverse = inverse(rates()).expect("regular");
        for (i, row) in rates().iter().enumerate() {
            let product = |j: usize| row.iter().zip(&inverse).map(|(rate, inverse)| rate * inverse[j]).sum::<f32>();
            for j in 0..CLASSES {
                assert!((product(j) - f32::from(u8::from(i == j))).abs() < 1e-5);
            }
        }
        assert!(super::inverse([[1.0; CLASSES]; CLASSES]).is_none());
    }
}
