//! The PC side: faces, training, evaluation and quantization of small networks, and the link to devices that run them.
pub mod architecture;
pub mod convolution;
pub mod network;
pub mod quantization;
pub mod training;
