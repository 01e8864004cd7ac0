//! `normalize`: an image before and after local intensity normalization (the paper's figure 1).

use std::{io::Write, path::PathBuf};

use clap::Args;
use firmware::normalization;
use shared::preprocessing::{FACE_PIXELS, Preprocessing};

use super::{images, output::out};
use crate::{architecture::Architecture, image_file};

#[derive(Args, Debug)]
pub struct NormalizeArguments {
    /// An image file, - for standard input; its centre square is fitted to 48x48
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// The PNG file to write: left the image, right what the network sees
    #[arg(long, value_name = "PNG")]
    out: PathBuf,
    /// Floor of the local deviation in grey levels [default: levorse's]
    #[arg(long, value_name = "LEVELS", value_parser = sigma_floor)]
    sigma_floor: Option<u16>,
    /// Each pixel becomes this many squared
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=40))]
    scale: u32,
}

/// Grey levels as 1/256 grey levels.
fn sigma_floor(text: &str) -> Result<u16, String> {
    match text.parse::<f64>() {
        Ok(levels) if (0.0..256.0).contains(&levels) => Ok((levels * 256.0).round().min(65535.0) as u16),
        _ => Err("it must be a number of grey levels below 256".into()),
    }
}

pub fn run(arguments: &NormalizeArguments) -> anyhow::Result<()> {
    let face = images::face(&arguments.image)?;
    let preprocessing = match arguments.sigma_floor {
        Some(sigma_floor) => Preprocessing::Local { sigma_floor },
        None => Architecture::find("levorse")?.preprocessing,
    };
    let mut normalized = [0; FACE_PIXELS];
    normalization::preprocess(preprocessing, &face, &mut normalized);
    let after = pictures::normalized_as_grey(&normalized);
    let (width, height, pixels) = image_file::side_by_side(&face, &after, arguments.scale as usize);
    image_file::write_grey(&arguments.out, width, height, pixels)?;
    writeln!(out(), "{}: {width}x{height}, left before, right after", arguments.out.display())?;
    Ok(())
}
