//! Where tensors are computed.

use std::fmt;

use burn::tensor::{Device, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What a training runs on. Features of this crate add the others; validation, quantization and everything else stay on the
/// processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Hardware {
    /// This machine's processor, by burn's `flex` and the operations of [`crate::convolution`] and [`crate::layers`].
    #[default]
    #[value(help = "This machine's processor")]
    Cpu,
    /// The first NVIDIA GPU, by burn's `cuda`; feature `cuda`.
    #[cfg(feature = "cuda")]
    #[value(help = "The first NVIDIA GPU")]
    Cuda,
    /// The best GPU that Vulkan, Metal or DirectX finds, by burn's `wgpu`; feature `wgpu`.
    #[cfg(feature = "wgpu")]
    #[value(help = "The best GPU that Vulkan, Metal or DirectX finds")]
    Wgpu,
}

impl Hardware {
    /// burn's device, without autodiff.
    pub fn device(self) -> Device {
        match self {
            Hardware::Cpu => Device::flex(),
            #[cfg(feature = "cuda")]
            Hardware::Cuda => Device::cuda(0),
            #[cfg(feature = "wgpu")]
            Hardware::Wgpu => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        }
    }

    /// Whether this is the default.
    pub fn is_cpu(&self) -> bool {
        *self == Hardware::Cpu
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.pad(name.as_ref().map_or("", |name| name.get_name()))
    }
}

/// Whether a tensor lies where our own operations can reach it; elsewhere burn's are the right ones.
pub(crate) fn on_processor<const D: usize>(tensor: &Tensor<D>) -> bool {
    // Devices are equal whether or not they record gradients.
    tensor.device() == Device::flex()
}
