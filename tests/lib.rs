//! What crosses the walls: the independent reference of the operators, and a small network for tests that need one.

pub mod float_reference;
pub mod real_network;
pub mod reference;
pub mod sample_model;
