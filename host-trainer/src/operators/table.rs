//! The TOML of a layer, as serde reads and writes it.

use serde::{Deserialize, Serialize};
use shared::shape::Padding;

use super::{conv2d, dense, depthwise_conv2d, dropout, pool2d, squeeze_excite};

/// The kinds of layers and blocks that an architecture file may have.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Conv2d,
    DepthwiseConv2d,
    MaxPool2d,
    AveragePool2d,
    GlobalAveragePool,
    Add,
    Mul,
    Dense,
    BatchNorm,
    Relu,
    Relu6,
    Sigmoid,
    Flatten,
    Dropout,
    SpatialDropout,
    SqueezeExcite,
}

impl Kind {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Conv2d => "conv2d",
            Kind::DepthwiseConv2d => "depthwise_conv2d",
            Kind::MaxPool2d => "max_pool2d",
            Kind::AveragePool2d => "average_pool2d",
            Kind::GlobalAveragePool => "global_average_pool",
            Kind::Add => "add",
            Kind::Mul => "mul",
            Kind::Dense => "dense",
            Kind::BatchNorm => "batch_norm",
            Kind::Relu => "relu",
            Kind::Relu6 => "relu6",
            Kind::Sigmoid => "sigmoid",
            Kind::Flatten => "flatten",
            Kind::Dropout => "dropout",
            Kind::SpatialDropout => "spatial_dropout",
            Kind::SqueezeExcite => "squeeze_excite",
        }
    }

    /// The keys that mean something to it, beside `name`, `inputs` and `range`.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Conv2d => conv2d::KEYS,
            Kind::DepthwiseConv2d => depthwise_conv2d::KEYS,
            Kind::MaxPool2d | Kind::AveragePool2d => pool2d::KEYS,
            Kind::Dense => dense::KEYS,
            Kind::Dropout | Kind::SpatialDropout => dropout::KEYS,
            Kind::SqueezeExcite => squeeze_excite::KEYS,
            Kind::GlobalAveragePool
            | Kind::Add
            | Kind::Mul
            | Kind::BatchNorm
            | Kind::Relu
            | Kind::Relu6
            | Kind::Sigmoid
            | Kind::Flatten => &[],
        }
    }
}

/// `5` or `[5, 3]`: rows and columns.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Extent {
    Square(u8),
    Rectangle([u8; 2]),
}

impl Extent {
    pub const fn rows_and_columns(self) -> [u8; 2] {
        match self {
            Extent::Square(size) => [size, size],
            Extent::Rectangle(size) => size,
        }
    }
}

/// Every key a layer may have; which of them belong to its kind is checked when it is read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LayerTable {
    pub kind: Kind,
    pub name: Option<String>,
    pub inputs: Option<Vec<String>>,
    pub filters: Option<u16>,
    pub units: Option<u16>,
    pub kernel: Option<Extent>,
    pub stride: Option<Extent>,
    pub dilation: Option<Extent>,
    pub groups: Option<u16>,
    pub depth_multiplier: Option<u16>,
    pub padding: Option<Padding>,
    pub rate: Option<f32>,
    pub ratio: Option<u16>,
    pub range: Option<[f32; 2]>,
}

impl LayerTable {
    /// A table without keys.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            name: None,
            inputs: None,
            filters: None,
            units: None,
            kernel: None,
            stride: None,
            dilation: None,
            groups: None,
            depth_multiplier: None,
            padding: None,
            rate: None,
            ratio: None,
            range: None,
        }
    }

    /// Whether every key means something to the kind.
    ///
    /// # Errors
    /// In words, which does not.
    pub fn check_keys(&self) -> Result<(), String> {
        let given = [
            ("filters", self.filters.is_some()),
            ("units", self.units.is_some()),
            ("kernel", self.kernel.is_some()),
            ("stride", self.stride.is_some()),
            ("dilation", self.dilation.is_some()),
            ("groups", self.groups.is_some()),
            ("depth_multiplier", self.depth_multiplier.is_some()),
            ("padding", self.padding.is_some()),
            ("rate", self.rate.is_some()),
            ("ratio", self.ratio.is_some()),
        ];
        match given.into_iter().find(|(key, given)| *given && !self.kind.keys().contains(key)) {
            Some((key, _)) => Err(format!("it has no `{key}`")),
            None => Ok(()),
        }
    }
}
