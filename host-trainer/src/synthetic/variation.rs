//! What differs from face to face and means nothing: identity, pose, lighting, camera.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::between;

/// Everything but the expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Variation {
    pub identity: Identity,
    pub pose: Pose,
    pub camera: Camera,
}

/// A person. Lengths are in half heights of the head, grey levels in `0..1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Identity {
    pub head_width: f32,
    pub jaw: f32,
    pub skin: f32,
    pub hair: f32,
    pub hairline: f32,
    pub long_hair: bool,
    pub eye_distance: f32,
    pub eye_width: f32,
    pub eye_height: f32,
    pub eye_level: f32,
    pub iris: f32,
    pub brow_thickness: f32,
    pub brow_grey: f32,
    pub brow_height: f32,
    pub brow_slant: f32,
    pub nose_length: f32,
    pub nose_width: f32,
    pub mouth_width: f32,
    pub lip_thickness: f32,
    pub lip_grey: f32,
    pub mouth_curve: f32,
    pub beard: f32,
    pub glasses: bool,
    pub wrinkles: f32,
}

/// Where the head is. Lengths in half sizes of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pose {
    pub sine: f32,
    pub cosine: f32,
    pub scale: f32,
    pub shift: [f32; 2],
    /// Turns left and up: features move on the head, and the farther side shrinks.
    pub yaw: f32,
    pub pitch: f32,
}

/// Light, lens and sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Camera {
    pub background: f32,
    pub background_slope: [f32; 2],
    pub light: [f32; 2],
    pub contrast: f32,
    pub brightness: f32,
    /// Weight of the neighbours on each side in the blur.
    pub blur: f32,
    pub noise: f32,
}

impl Variation {
    pub fn draw(random: &mut ChaCha8Rng) -> Self {
        let skin = between(random, 0.38, 0.85);
        let hair = between(random, 0.04, 0.5) * between(random, 0.6, 1.2);
        let identity = Identity {
            head_width: between(random, 0.68, 0.82),
            jaw: between(random, 0.12, 0.34),
            skin,
            hair,
            hairline: between(random, -0.82, -0.55),
            long_hair: random.random::<f32>() < 0.4,
            eye_distance: between(random, 0.29, 0.35),
            eye_width: between(random, 0.135, 0.17),
            eye_height: between(random, 0.05, 0.068),
            eye_level: between(random, -0.22, -0.14),
            iris: between(random, 0.05, 0.3),
            brow_thickness: between(random, 0.022, 0.045),
            brow_grey: (hair * 0.8).min(skin - 0.22).max(0.02),
            brow_height: between(random, 0.15, 0.19),
            brow_slant: between(random, -0.02, 0.02),
            nose_length: between(random, 0.30, 0.38),
            nose_width: between(random, 0.10, 0.15),
            mouth_width: between(random, 0.23, 0.29),
            lip_thickness: between(random, 0.03, 0.055),
            lip_grey: skin * between(random, 0.58, 0.78),
            mouth_curve: between(random, -0.012, 0.02),
            beard: if random.random::<f32>() < 0.2 { between(random, 0.2, 0.6) } else { 0.0 },
            glasses: random.random::<f32>() < 0.12,
            wrinkles: between(random, 0.5, 1.3),
        };
        let sine = between(random, -0.14, 0.14);
        let pose = Pose {
            sine,
            cosine: (1.0 - sine * sine).sqrt(),
            scale: between(random, 0.84, 1.02),
            shift: [between(random, -0.06, 0.06), between(random, -0.05, 0.05)],
            yaw: between(random, -0.14, 0.14),
            pitch: between(random, -0.06, 0.06),
        };
        let camera = Camera {
            background: between(random, 0.1, 0.9),
            background_slope: [between(random, -0.2, 0.2), between(random, -0.2, 0.2)],
            light: [between(random, -0.4, 0.4), between(random, -0.25, 0.15)],
            contrast: between(random, 0.6, 1.1),
            brightness: between(random, -0.12, 0.12),
            blur: between(random, 0.0, 0.24),
            noise: between(random, 0.005, 0.03),
        };
        Self { identity, pose, camera }
    }
}
