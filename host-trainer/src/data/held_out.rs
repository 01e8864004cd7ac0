//! Training faces that are kept aside, so that what is chosen by them (an epoch, a temperature) is not chosen by the faces that
//! accuracy is reported on.

use shared::{checksum::crc32, preprocessing::FACE_PIXELS};

use super::{kept, near_duplicates};

/// Which training faces are kept aside or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Whether it is kept aside.
    pub held_out: Vec<bool>,
    /// Whether nothing is learned from it: because it is kept aside, or nearly is such a face, or was left out before.
    pub left_out: Vec<bool>,
}

/// Keeps a share, 0 to 1, of `faces` (2,304 grey levels each) aside. Where some are left out already because they are nearly
/// others that nothing may be learned from, those are not kept aside either, and what is nearly kept aside is left out too.
pub fn keep_aside(faces: &[u8], share: f64, left_out: Option<&[bool]>) -> Aside {
    let mut held_out = held_out(faces, share);
    let Some(left_out) = left_out else { return Aside { left_out: held_out.clone(), held_out } };
    held_out.iter_mut().zip(left_out).for_each(|(aside, left_out)| *aside &= !left_out);
    let nearly = near_duplicates(faces, &kept(&held_out, faces));
    let left_out = left_out.iter().zip(&held_out).zip(nearly).map(|((before, aside), nearly)| before | aside | nearly);
    Aside { left_out: left_out.collect(), held_out }
}

/// For each of `faces` whether it is among the `share` that is kept aside. That depends on its pixels alone: on no seed, no
/// order and no labels, so that a network that begins with another's weights, or is taught by it, keeps the same faces aside;
/// copies of a face go the same way; and a smaller share is part of a larger one.
fn held_out(faces: &[u8], share: f64) -> Vec<bool> {
    let limit = share * (f64::from(u32::MAX) + 1.0);
    faces.as_chunks::<FACE_PIXELS>().0.iter().map(|face| f64::from(crc32(face)) < limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_share_is_kept_aside_whatever_the_order_and_a_smaller_one_is_part_of_it() {
        let faces: Vec<Vec<u8>> = (0..600).map(|index| synthetic::face(1, index).pixels.to_vec()).collect();
        let tenth = held_out(&faces.concat(), 0.1);
        let count = tenth.iter().filter(|&&aside| aside).count();
        assert!((35..=85).contains(&count), "{count} of 600");
        let mut reversed: Vec<Vec<u8>> = faces.clone();
        reversed.reverse();
        let mut again = held_out(&reversed.concat(), 0.1);
        again.reverse();
        assert_eq!(again, tenth);
        let fifth = held_out(&faces.concat(), 0.2);
        assert!(tenth.iter().zip(&fifth).all(|(tenth, fifth)| !tenth || *fifth) && fifth != tenth);
        assert!(held_out(&faces.concat(), 0.0).iter().all(|aside| !aside));
        assert!(held_out(&faces.concat(), 1.0).iter().all(|&aside| aside));
    }

    #[test]
    fn nothing_is_learned_from_what_is_kept_aside_or_nearly_is() {
        let mut faces: Vec<Vec<u8>> = (0..60).map(|index| synthetic::face(1, index).pixels.to_vec()).collect();
        // A bright copy of every face.
        faces.extend(faces.clone().iter().map(|face| face.iter().map(|&grey| grey / 2 + 90).collect::<Vec<_>>()));
        faces.push(vec![7; FACE_PIXELS]);
        let faces = faces.concat();
        let plain = keep_aside(&faces, 0.3, None);
        assert_eq!(plain.left_out, plain.held_out);
        let mut before = vec![false; 121];
        before[..10].fill(true);
        let distinct = keep_aside(&faces, 0.3, Some(&before));
        assert!(distinct.held_out[..10].iter().all(|aside| !aside));
        assert_eq!(distinct.held_out[10..], plain.held_out[10..]);
        assert!(distinct.left_out[..10].iter().all(|&left_out| left_out));
        let mut copies = 0;
        for face in 10..60 {
            let (original, copy) = (face, face + 60);
            let aside = distinct.held_out[original] | distinct.held_out[copy];
            assert!(!aside || (distinct.left_out[original] && distinct.left_out[copy]), "{face}");
            copies += usize::from(distinct.held_out[original] != distinct.held_out[copy]);
        }
        assert!(copies > 0);
        let flat = keep_aside(&faces, 1.0, Some(&before));
        assert!(flat.held_out[120] && flat.left_out[120]);
    }
}
