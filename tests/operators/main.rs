//! Every kernel of the core against two that know nothing of it, bit for bit: the naive reference over random shapes, windows,
//! offsets and factors, and TensorFlow Lite's own outputs.
//!
//! To add an operator: its file here, with both tests.

mod arithmetic;
mod cases;
mod tflite;

mod add;
mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod global_average_pool;
mod logistic;
mod mul;
mod pool2d;
mod softmax;
