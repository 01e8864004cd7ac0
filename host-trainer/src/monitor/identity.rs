//! What a device says of itself.

use shared::{
    image::Processor,
    label::Emotion,
    wire::{FinderIdentity, Hello, Options, Running, StoreIdentity},
};

/// Identity of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Version of its firmware.
    pub firmware: String,
    /// Name of its model.
    pub model: String,
    /// CRC-32 of its model file.
    pub model_crc: u32,
    /// Bytes of arena that the model takes.
    pub arena_bytes: u32,
    /// Rows and columns of a face.
    pub face_size: u16,
    /// Changes with a restart, if the device has such a number.
    pub boot: u32,
    /// The emotions that the model knows, in the order of its logits.
    pub labels: Vec<Emotion>,
    /// The options in force.
    pub options: Options,
    /// What finds faces in pictures; `None` if the device takes faces alone.
    pub finder: Option<FinderIdentity>,
    /// Whether the device has a camera of its own.
    pub camera: bool,
    /// Where it keeps models; `None` if it takes none.
    pub store: Option<DeviceStore>,
}

/// Where a device keeps models, and what it can run: a [`StoreIdentity`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceStore {
    /// The board's name.
    pub board: String,
    /// Bytes of memory for a model's tensors and the kernels' working memory.
    pub arena_bytes: u32,
    /// What its kernels use, if that tells how much the latter is.
    pub processor: Option<Processor>,
    /// Most bytes of a model file.
    pub model_bytes: u32,
    /// The oldest and the newest format of model files that the firmware reads.
    pub formats: [u16; 2],
    /// Which model runs.
    pub running: Running,
}

impl From<Hello<'_>> for Identity {
    fn from(hello: Hello<'_>) -> Self {
        Self {
            firmware: hello.firmware.into(),
            model: hello.model.into(),
            model_crc: hello.model_crc,
            arena_bytes: hello.arena_bytes,
            face_size: hello.face_size,
            boot: hello.boot,
            labels: hello.labels.iter().filter_map(|&index| Emotion::from_index(index.into())).collect(),
            options: hello.options,
            finder: hello.finder,
            camera: hello.camera,
            store: hello.store.map(DeviceStore::from),
        }
    }
}

impl From<StoreIdentity<'_>> for DeviceStore {
    fn from(store: StoreIdentity<'_>) -> Self {
        let StoreIdentity { board, arena_bytes, processor, model_bytes, formats, running } = store;
        Self { board: board.into(), arena_bytes, processor, model_bytes, formats, running }
    }
}
