//! The parts of a face at one point of the head, as grey levels painted over each other.

use super::{geometry::Geometry, variation::Identity};

/// Width of a soft edge.
const EDGE: f32 = 0.02;

/// 1 well inside (`distance` far below zero), 0 well outside, smooth between.
pub(super) fn cover(distance: f32, edge: f32) -> f32 {
    let t = (0.5 - distance / (2.0 * edge)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bump of height 1 around 0 that falls off smoothly and is a tenth at `x = 3 width`.
fn bump(x: f32, width: f32) -> f32 {
    let t = x / width;
    1.0 / (1.0 + t * t)
}

fn mix(under: f32, over: f32, share: f32) -> f32 {
    under + (over - under) * share
}

/// Distance from the edge of the head, negative inside.
pub(super) fn head(identity: &Identity, geometry: &Geometry, x: f32, y: f32) -> f32 {
    let chin = 1.0 + geometry.chin;
    let v = if y > 0.0 { y / chin } else { y };
    let narrowing = if v > 0.0 { 1.0 - identity.jaw * v * v } else { 1.0 };
    let u = x / (identity.head_width * narrowing);
    ((u * u + v * v).sqrt() - 1.0) * identity.head_width
}

/// Grey level of the face at a point inside the head.
pub(super) fn skin_and_features(identity: &Identity, geometry: &Geometry, x: f32, y: f32) -> f32 {
    let side = x.abs();
    let mut grey = identity.skin;
    // The head is round: it darkens towards its sides, and the sockets of the eyes lie deeper.
    let u = x / identity.head_width;
    grey *= 1.0 - 0.22 * u * u - 0.08 * y * y;
    let socket = bump(side - geometry.eye[0], 0.17) * bump(y - geometry.eye[1] + 0.03, 0.11);
    grey *= 1.0 - 0.16 * socket;
    grey = cheeks(geometry, side, y, grey);
    grey = beard(identity, geometry, side, y, grey);
    grey = creases(geometry, side, y, grey);
    grey = nose(identity, geometry, x, y, grey);
    grey = eye(identity, geometry, side, x, y, grey);
    grey = brow(identity, geometry, side, y, grey);
    grey = mouth(identity, geometry, x, y, grey);
    if identity.glasses { glasses(geometry, side, y, grey) } else { grey }
}

fn cheeks(geometry: &Geometry, side: f32, y: f32, grey: f32) -> f32 {
    let (cx, cy) = (geometry.eye[0] + 0.03, geometry.eye[1] + 0.30 - 0.06 * geometry.cheek);
    let apple = bump(side - cx, 0.13) * bump(y - cy, 0.09);
    let below = bump(side - cx, 0.16) * bump(y - geometry.eye[1] - 0.15, 0.03);
    grey * (1.0 + (0.05 + 0.16 * geometry.cheek) * apple - 0.22 * geometry.cheek * below)
}

fn beard(identity: &Identity, geometry: &Geometry, side: f32, y: f32, grey: f32) -> f32 {
    let from = geometry.nose_tip + 0.05;
    let share = cover(from - y, 0.10) * cover(0.24 - side - (y - 0.5).max(0.0) * 1.2, 0.2);
    mix(grey, identity.hair, identity.beard * share)
}

fn creases(geometry: &Geometry, side: f32, y: f32, grey: f32) -> f32 {
    let between_brows = bump(side - 0.045, 0.014) * bump(y - geometry.brow[0] - 0.01, 0.06);
    let forehead: f32 =
        [0.12, 0.22].iter().map(|up| bump(y - geometry.brow[1] + up - 0.1 * side * side, 0.012)).sum::<f32>()
            * cover(side - 0.38, 0.1);
    let wrinkle = (bump(y - geometry.eye[1] - 0.05 - 0.5 * side, 0.014)
        + bump(y - geometry.eye[1] - 0.11 - 0.5 * side, 0.014))
        * cover(side - 0.12, 0.03);
    let chin = bump(y - geometry.mouth_middle - 0.17, 0.02) * cover(side - 0.13, 0.05);
    let grey = grey
        * (1.0 - 0.32 * geometry.frown * between_brows)
        * (1.0 - 0.22 * geometry.forehead * forehead)
        * (1.0 - 0.34 * geometry.nose_wrinkle * wrinkle)
        * (1.0 - 0.30 * geometry.chin_crease * chin);
    // The fold from the wing of the nose around the corner of the mouth.
    let (top, bottom) = (geometry.nose_tip - 0.04, geometry.mouth_corner + 0.06);
    if y <= top || y >= bottom {
        return grey;
    }
    let t = (y - top) / (bottom - top);
    let fold = geometry.nose_width + 0.02 + (geometry.mouth_width + 0.05 - geometry.nose_width) * t * (1.6 - 0.6 * t);
    grey * (1.0 - 0.30 * geometry.nasolabial * bump(side - fold, 0.018) * (4.0 * t * (1.0 - t)).min(1.0))
}

fn nose(identity: &Identity, geometry: &Geometry, x: f32, y: f32, grey: f32) -> f32 {
    let (tip, width) = (geometry.nose_tip, geometry.nose_width);
    let top = identity.eye_level;
    let along = ((y - top) / (tip - top)).clamp(0.0, 1.0);
    let inside = cover((y - tip).max(top - y), 0.04);
    let ridge = bump(x, 0.035) * inside;
    let flank = bump(x.abs() - (0.05 + (width - 0.05) * along * along), 0.025) * inside * along;
    let shadow = bump(y - tip - 0.025, 0.02) * cover(x.abs() - width, 0.03);
    let nostril = bump(x.abs() - 0.55 * width, 0.025) * bump(y - tip - 0.005, 0.018);
    grey * (1.0 + 0.10 * ridge) * (1.0 - 0.16 * flank) * (1.0 - 0.22 * shadow) * (1.0 - 0.55 * nostril)
}

fn eye(identity: &Identity, geometry: &Geometry, side: f32, x: f32, y: f32, grey: f32) -> f32 {
    let (dx, dy) = (side - geometry.eye[0], y - geometry.eye[1]);
    let along = dx / geometry.eye_width;
    if along.abs() > 1.4 || dy.abs() > 0.3 {
        return grey;
    }
    let arch = (1.0 - along * along).max(0.0);
    let (upper, lower) = (-geometry.upper_lid * arch, geometry.lower_lid * arch);
    let outside = (upper - dy).max(dy - lower).max((along.abs() - 1.0) * geometry.eye_width);
    let radius = (dx * dx + (dy + 0.008) * (dy + 0.008)).sqrt();
    let mut ball = (identity.skin * 0.5 + 0.48).min(0.97) * (1.0 - 0.25 * along * along);
    ball = mix(ball, identity.iris, cover(radius - 0.062, 0.014));
    ball = mix(ball, 0.02, cover(radius - 0.028, 0.012));
    let glint = ((x - x.signum() * geometry.eye[0] + 0.02) * (x - x.signum() * geometry.eye[0] + 0.02)
        + (dy + 0.03) * (dy + 0.03))
        .sqrt();
    ball = mix(ball, 0.95, 0.8 * cover(glint - 0.014, 0.01));
    let grey = mix(grey, ball, cover(outside, 0.012));
    // Lashes and the edge of the lids, and the fold above them.
    let lid = cover((dy - upper).abs() - 0.016, 0.012) * cover(along.abs() - 1.05, 0.1);
    let lower_edge = cover((dy - lower).abs() - 0.006, 0.012) * cover(along.abs() - 1.0, 0.1);
    let fold = bump(dy - upper + 0.045, 0.014) * cover(along.abs() - 0.9, 0.2);
    let grey = mix(grey, identity.brow_grey * 0.6, 0.9 * lid);
    mix(grey, identity.skin * 0.45, 0.5 * lower_edge) * (1.0 - 0.15 * fold)
}

fn brow(identity: &Identity, geometry: &Geometry, side: f32, y: f32, grey: f32) -> f32 {
    let [from, to] = geometry.brow_span;
    let t = (side - from) / (to - from);
    let [inner, middle, outer] = geometry.brow;
    let s = t.clamp(0.0, 1.0);
    // The parabola through the three heights.
    let height = inner * (1.0 - s) * (1.0 - 2.0 * s) + 4.0 * middle * s * (1.0 - s) + outer * s * (2.0 * s - 1.0);
    let thickness = identity.brow_thickness * (1.0 - 0.55 * s * s);
    let beyond = (t - s).abs() * (to - from);
    let distance = (y - height).abs().max(beyond) - thickness;
    mix(grey, identity.brow_grey, 0.92 * cover(distance, EDGE))
}

fn mouth(identity: &Identity, geometry: &Geometry, x: f32, y: f32, grey: f32) -> f32 {
    let along = x / geometry.mouth_width;
    if along.abs() > 1.3 {
        return grey;
    }
    let square = along * along;
    let arch = (1.0 - square).max(0.0);
    let line = geometry.mouth_middle + (geometry.mouth_corner - geometry.mouth_middle) * square;
    let round = arch.sqrt();
    let (top, bottom) = (line - geometry.gap[0] * round, line + geometry.gap[1] * round);
    let beyond = (along.abs() - 1.0) * geometry.mouth_width;
    // The upper lip dips in the middle.
    let bow = 1.0 - 0.25 * bump(along, 0.18);
    let lips = (top - geometry.lips[0] * bow * round - y).max(y - bottom - geometry.lips[1] * round).max(beyond);
    let mut grey = mix(grey, identity.lip_grey, 0.85 * cover(lips, EDGE));
    let inside = (top - y).max(y - bottom).max(beyond);
    let opening = geometry.gap[0] + geometry.gap[1];
    let mut hollow = 0.06;
    let teeth =
        cover(y - top - 0.055, 0.012) * geometry.teeth + 0.4 * cover(y - top - 0.03, 0.01) * (1.0 - geometry.teeth);
    hollow = mix(hollow, 0.88, teeth.min(1.0) * cover(0.03 - opening, 0.02) * cover(along.abs() - 0.85, 0.1));
    grey = mix(grey, hollow, cover(inside, 0.012));
    // The line between closed lips and the dimples at the corners.
    let seam = cover((y - line).abs() - 0.008, 0.01) * cover(beyond, 0.03) * cover(opening - 0.05, 0.03);
    let corner = bump(along.abs() - 1.0, 0.09) * bump(y - geometry.mouth_corner, 0.03);
    grey = mix(grey, 0.12, 0.75 * seam);
    let below = bump(y - bottom - geometry.lips[1] - 0.03, 0.02) * cover(along.abs() - 0.6, 0.2);
    grey * (1.0 - 0.25 * corner) * (1.0 - 0.12 * below)
}

fn glasses(geometry: &Geometry, side: f32, y: f32, grey: f32) -> f32 {
    let (dx, dy) = ((side - geometry.eye[0]) / 0.23, (y - geometry.eye[1] - 0.02) / 0.17);
    let ring = ((dx * dx * dx * dx + dy * dy * dy * dy).sqrt().sqrt() - 1.0).abs() * 0.19;
    let bridge = (y - geometry.eye[1]).abs().max(side - 0.1);
    mix(grey, 0.08, 0.85 * cover(ring.min(bridge) - 0.014, 0.014))
}
