//! `upload`: another model for a device, over its link.

use std::{io::Write, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use firmware::engine::Runner;
use serde_json::json;
use shared::{
    model::{Model, RawModel},
    preprocessing::FACE_PIXELS,
    wire::{Options, Output},
};

use super::{
    model_file,
    output::{err, out},
    port::PortArguments,
    progress,
};
use crate::monitor::{Client, DeviceStore, Identity, LinkError, Notice, Port, Upload};

/// The drawn faces that are part of every firmware.
static DEMO_FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../../../firmware/models/demo_faces.bin").as_chunks().0;

/// The one that a device tests a model with.
const TEST_FACE: u8 = 3;

/// What a device that lost its link is to be told.
const GOES_ON: &str =
    "the model before still answers; give the same command again, and the upload goes on where it was";

#[derive(Args, Debug)]
pub struct UploadArguments {
    /// The model file
    #[arg(value_name = "MODEL.fer")]
    model: PathBuf,
    #[command(flatten)]
    port: PortArguments,
    /// Milliseconds to wait for an answer to one try, and for a TCP connection
    #[arg(long, value_name = "MS", default_value_t = 4000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &UploadArguments) -> anyhow::Result<()> {
    let UploadArguments { model: path, port, timeout, json } = arguments;
    let file = model_file::read(path)?;
    let model = model_file::parse(path, &file)?;
    let face = DEMO_FACES.get(usize::from(TEST_FACE)).context("no drawn faces")?;
    let upload = Upload::new(file.as_slice(), &model, (TEST_FACE, face)).with_context(|| path.display().to_string())?;
    let timeout = Duration::from_millis(*timeout);
    let (port, name) = port.open(timeout)?;
    let mut client = Client::new(port, timeout);
    let before = client.hello().with_context(|| name.clone())?;
    writeln!(
        err(),
        "device: firmware {}, model {} {:08x}{}",
        before.firmware,
        before.model,
        before.model_crc,
        before.store.as_ref().map_or(String::new(), |store| format!(", {}, {}", store.board, store.running))
    )?;
    fits(&before, &model, upload.file).with_context(|| name.clone())?;
    let after = if before.model_crc == upload.model_crc {
        writeln!(err(), "it runs this model already")?;
        before
    } else {
        send(&mut client, &upload, &name)?
    };
    let result = client.classify(face).with_context(|| name.clone())?;
    if result.logits != upload.logits {
        bail!("{name}: the device gives other logits than this program; update the older of firmware and host program");
    }
    // Whoever looks at the port next finds text there, as before.
    client.set_options(Options { output: Output::Text, ..after.options }).with_context(|| name.clone())?;
    let running = after.store.as_ref().map(|store| store.running.to_string()).unwrap_or_default();
    let (board, milliseconds) =
        (after.store.as_ref().map(|store| &store.board), f64::from(result.microseconds) / 1000.0);
    if *json {
        let crc = format!("{:08x}", after.model_crc);
        let object = json!({ "model": after.model, "crc": crc, "board": board, "running": running, "milliseconds": milliseconds });
        writeln!(out(), "{object}")?;
    } else {
        writeln!(
            out(),
            "model {} {:08x} runs on the device, {running}; it gives the logits of this program, in {milliseconds:.1} ms a face",
            after.model,
            after.model_crc
        )?;
    }
    Ok(())
}

/// Whether the device can run the model, as far as its greeting tells. Of some processors this program does not know the kernels'
/// working memory; the device counts it when it tests the model.
fn fits(device: &Identity, model: &Model<'_>, file: &[u8]) -> anyhow::Result<()> {
    let Some(store) = &device.store else {
        bail!(
            "this device keeps no models; start fer-linux with --models FOLDER, or build the firmware with another model (FER_MODEL)"
        );
    };
    let DeviceStore { board, arena_bytes, processor, model_bytes, formats: [oldest, newest], .. } = store;
    let (bytes, format) = (file.len(), RawModel::new(file)?.format());
    if bytes > *model_bytes as usize {
        bail!("the model file has {bytes} bytes and {board} has flash for {model_bytes}; take a smaller model");
    }
    let need = match processor {
        Some(processor) => Runner::arena_bytes_on(&model.network(), *processor)?,
        None => model.arena_bytes(),
    };
    if need > *arena_bytes {
        bail!("the model needs {need} bytes of RAM and {board} has {arena_bytes}; take a smaller model");
    }
    if !(*oldest..=*newest).contains(&format) {
        bail!(
            "the model has format {format} and the firmware of {board} reads {oldest} to {newest}; update the firmware"
        );
    }
    Ok(())
}

fn send(client: &mut Client<Port>, upload: &Upload<'_>, port: &str) -> anyhow::Result<Identity> {
    let bar = progress::bar("uploading", "bytes")?;
    let mut first = None;
    let sent = client.upload(upload, |done, all| {
        first.get_or_insert((done, all));
        progress::advance(&bar, done as u64, all as u64);
    });
    bar.finish_and_clear();
    if let Some((done, all)) = first.filter(|(done, _)| *done > 0) {
        writeln!(err(), "{done} of {all} bytes were there from an upload that was broken off")?;
    }
    if client.take_notices().contains(&Notice::Retried) {
        writeln!(err(), "parts had to be sent again")?;
    }
    sent.map_err(|error| {
        let goes_on = matches!(error, LinkError::Io(_) | LinkError::Silent { .. } | LinkError::NoAnswerAmong { .. });
        let error = anyhow::Error::from(error);
        let error = if goes_on { error.context(GOES_ON) } else { error };
        error.context(port.to_owned())
    })
}
