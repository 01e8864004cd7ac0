//! Quantization of trained networks to eight bits.
pub mod lower;
pub mod parameters;
pub mod plan;
