//! What the finder learns from: faces with known eyes, photographs without faces.

use std::{fs, path::Path};

use anyhow::Context;
use firmware::finder::warp::Point;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use shared::{checksum::CRC_32, preprocessing::FACE_PIXELS};

use super::scene::{LabelledFace, Picture};

/// Rows and columns that photographs are shrunk to at most.
const MOST_PIXELS: u32 = 640;

/// Rows and columns that a photograph has at least.
const LEAST_PIXELS: u32 = 48;

/// Faces and photographs.
#[derive(Clone, Debug)]
pub struct Material {
    /// 48x48 grey levels and eyes.
    pub faces: Vec<([u8; FACE_PIXELS], [Point; 2])>,
    /// Photographs without faces.
    pub pictures: Vec<Picture>,
}

impl Material {
    /// A face.
    pub fn face(&self, index: usize) -> LabelledFace<'_> {
        let (pixels, eyes) = &self.faces[index % self.faces.len()];
        LabelledFace { pixels, eyes: *eyes }
    }

    /// How many faces there are, and a checksum of their pixels and eyes.
    pub fn describe_faces(&self) -> String {
        let mut digest = CRC_32.digest();
        for (pixels, eyes) in &self.faces {
            digest.update(pixels);
            eyes.iter().flat_map(|eye| [eye.x, eye.y]).for_each(|place| digest.update(&place.to_le_bytes()));
        }
        format!("{} {:08x}", self.faces.len(), digest.finalize())
    }

    /// How many photographs there are, and a checksum of their sizes and pixels.
    pub fn describe_pictures(&self) -> String {
        let mut digest = CRC_32.digest();
        for Picture { width, height, pixels } in &self.pictures {
            [*width, *height].iter().for_each(|length| digest.update(&(*length as u64).to_le_bytes()));
            digest.update(pixels);
        }
        format!("{} {:08x}", self.pictures.len(), digest.finalize())
    }

    /// A photograph by chance.
    pub fn picture(&self, random: &mut ChaCha8Rng) -> &Picture {
        &self.pictures[random.random_range(0..self.pictures.len())]
    }
}

/// All photographs of a folder, in grey, at most 640 pixels wide and high. What is no picture, or smaller than 48 pixels, is left
/// out and counted.
///
/// # Errors
/// If the folder cannot be read or has none.
pub fn read_pictures(folder: &Path) -> anyhow::Result<(Vec<Picture>, usize)> {
    let cannot = || format!("cannot read the photographs in {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        files.push(entry.with_context(cannot)?.path());
    }
    files.sort();
    let pictures: Vec<Option<Picture>> = files.par_iter().map(|file| read_picture(file)).collect();
    let left_out = pictures.iter().filter(|picture| picture.is_none()).count();
    let pictures: Vec<Picture> = pictures.into_iter().flatten().collect();
    if pictures.is_empty() {
        anyhow::bail!("no photographs in {}; put pictures without faces there", folder.display());
    }
    Ok((pictures, left_out))
}

fn read_picture(file: &Path) -> Option<Picture> {
    let picture = image::open(file).ok()?;
    let picture = match picture.width().max(picture.height()) > MOST_PIXELS {
        true => picture.thumbnail(MOST_PIXELS, MOST_PIXELS),
        false => picture,
    };
    let grey = picture.to_luma8();
    let (width, height) = grey.dimensions();
    (width.min(height) >= LEAST_PIXELS).then(|| Picture {
        width: width as usize,
        height: height as usize,
        pixels: grey.into_raw(),
    })
}
