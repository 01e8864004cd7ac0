//! The PC side: faces, training, evaluation and quantization of small networks, and the link to devices that run them.
//!
//! ```text
//! files  file_kind                 files written whole, and what a file is
//! memory                           memory that large tensors use again
//! data  image_file  synthetic      labelled faces, from files or drawn
//! scales  graph                    ranges and weights in integers, ONNX graphs
//! operators                        the layers of networks, a kind a file
//! architecture  augmentation       a network as data, with its recipe
//! network  convolution  layers     the same in burn
//! device                           where tensors are computed
//! training                         epochs, checkpoints, run folders
//! quantization  refinement         float network -> integers, and training with their rounding
//! normalization  inference         many faces through the core: the device's numbers
//! evaluation  report  onnx         how good it is, and for people and other programs to read
//! finder                           training of what finds faces; faces in a picture of any size
//! experiment                       the paper's experiments as presets
//! export                           all that a finished training leaves
//! monitor                          the host's end of the serial link
//! watch                            a camera's frames to faces and emotions, live
//! page                             the page that shows the core in a browser, and its server
//! dashboard  cli                   a training on the terminal, the commands
//! ```
//!
//! Normalization, integer kernels, labels and messages are not here: they are the core's (`firmware`) and `shared`'s, so
//! that the numbers in a report are the device's.

// Output that fails is an error and no panic: see `cli::output`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod architecture;
pub mod augmentation;
pub mod cli;
pub mod convolution;
pub mod dashboard;
pub mod data;
pub mod device;
pub mod evaluation;
pub mod experiment;
pub mod export;
pub mod file_kind;
pub mod files;
pub mod finder;
mod graph;
pub mod image_file;
pub mod inference;
pub mod layers;
mod memory;
pub mod monitor;
pub mod network;
pub mod normalization;
mod number;
pub mod onnx;
mod operators;
pub mod page;
pub mod quantization;
pub mod refinement;
pub mod report;
pub mod scales;
pub mod synthetic;
pub mod training;
pub mod watch;
