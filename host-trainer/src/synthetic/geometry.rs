//! Where the parts of a face lie. Coordinates of the head: `x` to the right, `y` down, the chin at 1, the crown at -1.

use super::{action_units::ActionUnits, variation::Identity};

/// A face before it is drawn; the left half mirrors the right one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometry {
    /// Middle of the right eye, half its width, and how far its lids are from the middle.
    pub eye: [f32; 2],
    pub eye_width: f32,
    pub upper_lid: f32,
    pub lower_lid: f32,
    /// Height of the right brow at its inner end, its middle and its outer end; and where the ends are.
    pub brow: [f32; 3],
    pub brow_span: [f32; 2],
    /// Lower end of the nose and half its width there.
    pub nose_tip: f32,
    pub nose_width: f32,
    /// Half the mouth's width, height of its corners and of the middle of the line between the lips.
    pub mouth_width: f32,
    pub mouth_corner: f32,
    pub mouth_middle: f32,
    /// Half the gap between the lips in the middle, and how much of it lies below the line.
    pub gap: [f32; 2],
    /// Thickness of the upper and of the lower lip.
    pub lips: [f32; 2],
    /// How far the chin drops.
    pub chin: f32,
    /// Depths of creases: between the brows, across the forehead, beside the nose, from nose to mouth, under the eyes, on
    /// the chin.
    pub frown: f32,
    pub forehead: f32,
    pub nose_wrinkle: f32,
    pub nasolabial: f32,
    pub cheek: f32,
    pub chin_crease: f32,
    /// How much of the gap shows teeth.
    pub teeth: f32,
}

impl Geometry {
    pub fn new(units: &ActionUnits, identity: &Identity) -> Self {
        let u = units;
        let eye = [identity.eye_distance, identity.eye_level];
        let squeeze = 1.0 - 0.55 * u.lid_tightener - 0.25 * u.nose_wrinkler;
        let upper_lid = identity.eye_height * (squeeze + 0.95 * u.upper_lid_raiser).max(0.2);
        let lower_lid = identity.eye_height
            * (0.85 - 0.5 * u.cheek_raiser - 0.35 * u.lid_tightener + 0.2 * u.upper_lid_raiser).max(0.1);
        let brow_y = identity.eye_level - identity.brow_height;
        let lowered = 0.085 * u.brow_lowerer + 0.05 * u.nose_wrinkler;
        let inner = brow_y + 0.02 - identity.brow_slant - 0.12 * u.inner_brow_raiser + lowered * 1.25;
        let middle = brow_y - 0.02 - 0.07 * u.inner_brow_raiser - 0.10 * u.outer_brow_raiser + lowered * 0.8;
        let outer = brow_y + 0.03 + identity.brow_slant - 0.13 * u.outer_brow_raiser
            + 0.03 * u.inner_brow_raiser
            + lowered * 0.15;
        let gathered = 0.045 * u.brow_lowerer;
        let lift = 0.03 * u.nose_wrinkler;
        let nose_tip = identity.eye_level + identity.nose_length - lift;
        let mouth_y = 0.44 + 0.3 * (identity.nose_length - 0.34);
        let stretch = 1.0 + 0.32 * u.lip_corner_puller + 0.38 * u.lip_stretcher + 0.1 * u.lip_corner_depressor
            - 0.22 * u.lip_tightener
            - 0.25 * u.jaw_drop;
        let corner = mouth_y - identity.mouth_curve - 0.13 * u.lip_corner_puller
            + 0.10 * u.lip_corner_depressor
            + 0.07 * u.lip_stretcher
            + 0.05 * u.jaw_drop;
        let middle_line = mouth_y + 0.05 * u.lip_corner_puller - 0.035 * u.chin_raiser - 0.055 * u.upper_lip_raiser
            + 0.01 * u.jaw_drop;
        let open = 0.012 + 0.055 * u.lips_part + 0.05 * u.upper_lip_raiser + 0.03 * u.lips_part * u.lip_stretcher;
        let thin = 1.0 - 0.65 * u.lip_tightener - 0.2 * u.lip_corner_puller - 0.2 * u.lip_stretcher;
        Self {
            eye,
            eye_width: identity.eye_width,
            upper_lid,
            lower_lid,
            brow: [inner, middle, outer],
            brow_span: [eye[0] - 0.20 - gathered, eye[0] + 0.21 - 0.3 * gathered],
            nose_tip,
            nose_width: identity.nose_width * (1.0 + 0.25 * u.nose_wrinkler + 0.12 * u.lip_corner_puller),
            mouth_width: identity.mouth_width * stretch,
            mouth_corner: corner,
            mouth_middle: middle_line,
            gap: [open * (1.0 - 0.8 * u.lip_tightener), open * (1.0 - 0.8 * u.lip_tightener) + 0.3 * u.jaw_drop],
            lips: [
                identity.lip_thickness * thin * (1.0 - 0.3 * u.upper_lip_raiser),
                identity.lip_thickness * (1.25 * thin + 0.3 * u.chin_raiser),
            ],
            chin: 0.16 * u.jaw_drop,
            frown: u.brow_lowerer * identity.wrinkles,
            forehead: (0.7 * u.inner_brow_raiser).max(u.outer_brow_raiser) * identity.wrinkles,
            nose_wrinkle: u.nose_wrinkler * identity.wrinkles,
            nasolabial: (0.9 * u.lip_corner_puller + u.nose_wrinkler + 0.6 * u.upper_lip_raiser).min(1.3)
                * identity.wrinkles,
            cheek: u.cheek_raiser,
            chin_crease: u.chin_raiser * identity.wrinkles,
            teeth: (u.lip_corner_puller + 0.7 * u.lip_stretcher + u.upper_lip_raiser).min(1.0),
        }
    }
}
