//! The independent reference of the operators, and small networks for tests that need one.

pub mod drawn_picture;
pub mod float_reference;
pub mod lasting;
pub mod random;
pub mod real_network;
pub mod reference;
pub mod sample_model;
