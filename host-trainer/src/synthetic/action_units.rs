//! Which facial action units make an emotion.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::label::Emotion;

use super::between;

/// Intensities of facial action units, 0 (relaxed) to 1 (as far as it goes).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ActionUnits {
    /// AU1.
    pub inner_brow_raiser: f32,
    /// AU2.
    pub outer_brow_raiser: f32,
    /// AU4.
    pub brow_lowerer: f32,
    /// AU5.
    pub upper_lid_raiser: f32,
    /// AU6.
    pub cheek_raiser: f32,
    /// AU7.
    pub lid_tightener: f32,
    /// AU9.
    pub nose_wrinkler: f32,
    /// AU10.
    pub upper_lip_raiser: f32,
    /// AU12.
    pub lip_corner_puller: f32,
    /// AU15.
    pub lip_corner_depressor: f32,
    /// AU17.
    pub chin_raiser: f32,
    /// AU20.
    pub lip_stretcher: f32,
    /// AU23 and AU24.
    pub lip_tightener: f32,
    /// AU25.
    pub lips_part: f32,
    /// AU26 and AU27.
    pub jaw_drop: f32,
}

/// A field of [`ActionUnits`].
type Unit = fn(&mut ActionUnits) -> &mut f32;

/// Units of an emotion with their full intensity, the telling ones first (EMFACS prototypes: Friesen and Ekman 1983).
fn prototype(emotion: Emotion) -> &'static [(Unit, f32)] {
    match emotion {
        Emotion::Angry => &[
            (|u| &mut u.brow_lowerer, 1.0),
            (|u| &mut u.lip_tightener, 0.9),
            (|u| &mut u.lid_tightener, 0.7),
            (|u| &mut u.upper_lid_raiser, 0.5),
            (|u| &mut u.chin_raiser, 0.3),
        ],
        Emotion::Disgust => &[
            (|u| &mut u.nose_wrinkler, 1.0),
            (|u| &mut u.upper_lip_raiser, 0.9),
            (|u| &mut u.lid_tightener, 0.6),
            (|u| &mut u.lip_corner_depressor, 0.5),
            (|u| &mut u.brow_lowerer, 0.35),
        ],
        Emotion::Fear => &[
            (|u| &mut u.upper_lid_raiser, 1.0),
            (|u| &mut u.lip_stretcher, 1.0),
            (|u| &mut u.inner_brow_raiser, 1.0),
            (|u| &mut u.brow_lowerer, 0.4),
            (|u| &mut u.lips_part, 0.8),
            (|u| &mut u.jaw_drop, 0.2),
        ],
        Emotion::Happy => {
            &[(|u| &mut u.lip_corner_puller, 1.0), (|u| &mut u.cheek_raiser, 0.9), (|u| &mut u.lips_part, 0.7)]
        }
        Emotion::Sad => &[
            (|u| &mut u.lip_corner_depressor, 1.0),
            (|u| &mut u.inner_brow_raiser, 0.9),
            (|u| &mut u.brow_lowerer, 0.3),
            (|u| &mut u.chin_raiser, 0.6),
            (|u| &mut u.lid_tightener, 0.4),
        ],
        Emotion::Surprise => &[
            (|u| &mut u.jaw_drop, 1.0),
            (|u| &mut u.inner_brow_raiser, 1.0),
            (|u| &mut u.outer_brow_raiser, 1.0),
            (|u| &mut u.upper_lid_raiser, 0.8),
        ],
        // AU14 of contempt is one-sided, which these units are not.
        Emotion::Neutral | Emotion::Contempt => &[],
    }
}

/// Every unit, for the small movements that mean nothing.
const UNITS: [Unit; 12] = [
    |u| &mut u.inner_brow_raiser,
    |u| &mut u.outer_brow_raiser,
    |u| &mut u.brow_lowerer,
    |u| &mut u.upper_lid_raiser,
    |u| &mut u.cheek_raiser,
    |u| &mut u.lid_tightener,
    |u| &mut u.lip_corner_puller,
    |u| &mut u.lip_corner_depressor,
    |u| &mut u.chin_raiser,
    |u| &mut u.lip_stretcher,
    |u| &mut u.lip_tightener,
    |u| &mut u.lips_part,
];

/// Share of the faces that hardly show what they feel.
const FAINT: f32 = 0.14;

/// Share of the telling units that a face leaves out.
const OMITTED: f32 = 0.18;

impl ActionUnits {
    /// The units of `emotion` at a random intensity, some left out, and slight movements of others.
    pub fn draw(emotion: Emotion, random: &mut ChaCha8Rng) -> Self {
        let mut units = Self::default();
        let faint = random.random::<f32>() < FAINT;
        let intensity = if faint { between(random, 0.1, 0.4) } else { between(random, 0.45, 1.0) };
        for (unit, full) in prototype(emotion) {
            let omitted = random.random::<f32>() < OMITTED;
            let share = between(random, 0.7, 1.1);
            if !omitted {
                *unit(&mut units) = (intensity * full * share).min(1.0);
            }
        }
        for unit in UNITS {
            let slight = random.random::<f32>();
            // Mostly nothing, seldom as much as a faint expression.
            *unit(&mut units) = (*unit(&mut units) + 0.3 * slight * slight * slight).min(1.0);
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_emotions_differ_in_a_telling_unit() {
        let full = |emotion| {
            let mut units = ActionUnits::default();
            for (unit, value) in prototype(emotion) {
                *unit(&mut units) = *value;
            }
            units
        };
        for a in Emotion::FER2013 {
            for b in Emotion::FER2013 {
                assert!(a == b || full(a) != full(b), "{a} and {b} are the same");
            }
        }
    }
}
