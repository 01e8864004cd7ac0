//! Faces that are blends of two, with blended targets (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").

use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use super::batch::Batch;

/// Blends every face of a batch with its counterpart from the other end, whose place the shuffle made random: `share` of the
/// one and `1 - share` of the other, `share` drawn from Beta(`alpha`, `alpha`) for each. A batch's labels, which accuracy is
/// counted by, are those of the larger part.
pub(super) fn mix(batch: &mut Batch, alpha: f32, random: &mut ChaCha8Rng) {
    let images = batch.labels.len();
    let Ok(beta) = Beta::new(f64::from(alpha), f64::from(alpha)) else { return };
    let shares: Vec<f32> = (0..images).map(|_| beta.sample(random) as f32).collect();
    let Batch { faces, whole_faces, targets, soft_targets, weights, .. } = batch;
    for values in [faces, whole_faces, targets, soft_targets, weights] {
        blend(values, &shares);
    }
    batch.labels =
        (0..images).map(|image| batch.labels[if shares[image] < 0.5 { images - 1 - image } else { image }]).collect();
}

/// Row `i` becomes `shares[i]` of itself and the rest of row `n - 1 - i`.
fn blend(values: &mut [f32], shares: &[f32]) {
    let length = values.len() / shares.len().max(1);
    if length == 0 {
        return;
    }
    let mut rows: Vec<&mut [f32]> = values.chunks_exact_mut(length).collect();
    let mut shares = shares.iter();
    let mut pairs = rows.iter_mut();
    while let (Some(first), Some(of_first)) = (pairs.next(), shares.next()) {
        // The one in the middle is its own counterpart.
        let (Some(second), Some(of_second)) = (pairs.next_back(), shares.next_back()) else { return };
        for (a, b) in first.iter_mut().zip(second.iter_mut()) {
            (*a, *b) = (*b + (*a - *b) * of_first, *a + (*b - *a) * of_second);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn batch(images: usize) -> Batch {
        let labels: Vec<u8> = (0..images as u8).collect();
        let rows = |length: usize| (0..images).flat_map(move |image| vec![image as f32; length]).collect::<Vec<_>>();
        Batch {
            place: 0,
            size: 2,
            faces: rows(4),
            whole_faces: rows(9),
            targets: rows(3),
            soft_targets: Vec::new(),
            weights: vec![1.0; images],
            labels,
        }
    }

    #[test]
    fn a_face_and_its_counterpart_are_blended_by_shares_of_their_own() {
        let mut values = [0.0, 0.0, 5.0, 7.0, 10.0, 20.0];
        blend(&mut values, &[0.75, 0.1, 0.5]);
        assert_eq!(values, [2.5, 5.0, 5.0, 7.0, 5.0, 10.0]);
    }

    #[test]
    fn faces_targets_and_labels_are_blended_alike() {
        for images in [1, 2, 5, 8] {
            let mut mixed = batch(images);
            mix(&mut mixed, 0.4, &mut ChaCha8Rng::seed_from_u64(images as u64));
            assert!(mixed.soft_targets.is_empty() && mixed.weights.iter().all(|&weight| (weight - 1.0).abs() < 1e-6));
            for image in 0..images {
                let (own, other) = (image as f32, (images - 1 - image) as f32);
                let value = mixed.faces[image * 4];
                assert!(mixed.faces[image * 4..][..4].iter().all(|&v| v == value), "{image} of {images}");
                assert!(mixed.whole_faces[image * 9..][..9].iter().all(|&v| v == value), "{image} of {images}");
                assert_eq!(mixed.targets[image * 3], value);
                assert!((own.min(other) - 1e-4..=own.max(other) + 1e-4).contains(&value), "{value}");
                let nearer = if (value - own).abs() <= (value - other).abs() { own } else { other };
                assert_eq!(f32::from(mixed.labels[image]), nearer, "{image} of {images}: {value}");
            }
        }
    }

    #[test]
    fn shares_spread_over_the_whole_range_and_favour_its_ends() {
        let mut mixed = batch(243);
        let before = mixed.faces.clone();
        mix(&mut mixed, 0.2, &mut ChaCha8Rng::seed_from_u64(1));
        let unchanged = before.iter().zip(&mixed.faces).filter(|(a, b)| (*a - *b).abs() < 1.0).count();
        // Of Beta(0.2, 0.2), about a fifth lies within a hundredth of 1.
        assert!((before.len() / 8..before.len() / 3).contains(&unchanged), "{unchanged} of {}", before.len());
    }
}
