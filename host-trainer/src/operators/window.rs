//! Kernels, strides, dilations and paddings in TOML, burn and ONNX.

use burn::tensor::Tensor;
use shared::shape::{Padding, Shape, Window};

use super::table::{Extent, LayerTable};
use crate::graph::{AttributeProto, ints};

/// The keys of a window.
pub const KEYS: [&str; 3] = ["kernel", "stride", "padding"];

/// The window of a table, with these defaults for what it does not say.
pub fn read(table: &LayerTable, stride: impl Fn(Extent) -> Extent, padding: Padding) -> Result<Window, String> {
    let kernel = table.kernel.ok_or("`kernel` is missing")?;
    let stride = table.stride.unwrap_or_else(|| stride(kernel));
    let [dilation_height, dilation_width] = table.dilation.unwrap_or(Extent::Square(1)).rows_and_columns();
    let padding = table.padding.unwrap_or(padding);
    let window = Window::new(kernel.rows_and_columns(), stride.rows_and_columns(), padding);
    Ok(Window { dilation_height, dilation_width, ..window })
}

/// Writes a window into a table.
pub fn write(window: Window, table: &mut LayerTable) {
    table.kernel = Some(Extent::Rectangle([window.kernel_height, window.kernel_width]));
    table.stride = Some(Extent::Rectangle([window.stride_height, window.stride_width]));
    table.padding = Some(window.padding);
    if window.is_dilated() {
        table.dilation = Some(Extent::Rectangle([window.dilation_height, window.dilation_width]));
    }
}

pub fn kernel(window: Window) -> [usize; 2] {
    [window.kernel_height.into(), window.kernel_width.into()]
}

pub fn stride(window: Window) -> [usize; 2] {
    [window.stride_height.into(), window.stride_width.into()]
}

pub fn dilation(window: Window) -> [usize; 2] {
    [window.dilation_height.into(), window.dilation_width.into()]
}

/// `[[top, bottom], [left, right]]`, of the tensor's own size: training may use smaller faces than the device.
pub fn padding(window: Window, input: &Tensor<4>) -> [[usize; 2]; 2] {
    let [_, _, height, width] = input.dims().map(|size| size as u16);
    let (vertical, horizontal) = window.padding_total(height, width);
    let (top, left) = window.padding_before(height, width);
    [[top, vertical - top].map(usize::from), [left, horizontal - left].map(usize::from)]
}

/// ONNX's kernel, strides and pads, ordered by side, then by axis: top, left, bottom, right; and dilations, where there are any.
pub fn attributes(window: Window, input: Shape) -> Vec<AttributeProto> {
    let (top, left) = window.padding_before(input.height, input.width);
    let (vertical, horizontal) = window.padding_total(input.height, input.width);
    let mut attributes = vec![
        ints("kernel_shape", [window.kernel_height, window.kernel_width].map(i64::from)),
        ints("strides", [window.stride_height, window.stride_width].map(i64::from)),
        ints("pads", [top, left, vertical - top, horizontal - left].map(i64::from)),
    ];
    if window.is_dilated() {
        attributes.push(ints("dilations", [window.dilation_height, window.dilation_width].map(i64::from)));
    }
    attributes
}
