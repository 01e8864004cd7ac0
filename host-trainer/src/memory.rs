//! Memory of large tensors, kept from step to step.
//!
//! A training step allocates the same tensors as the one before. Given back to the allocator in between, their pages would
//! go to the system and come back as zeros, page by page; here a [`Buffer`] that is dropped, alone or as a tensor, goes
//! to a pool, and the next buffer of about its size takes its memory.

use burn_flex::{FlexTensor, Layout};
use burn_std::{
    Bytes, Shape,
    bytes::{AccessError, AccessPolicy, AllocationController, AllocationProperty},
};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::number::Number;

/// Smallest length of a pooled buffer, in floats. The allocator gives even small blocks back to the system between steps.
const SMALL: usize = 1 << 8;

/// Pool limit, in floats. Beyond it, buffers go back to the allocator, the smallest first.
const MOST_WAITING: usize = 1 << 27;

/// The pool: unused buffers, the shortest first.
static WAITING: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Numbers of unspecified value, to be written and made a tensor.
#[derive(Debug)]
pub(crate) struct Numbers<T> {
    /// The memory of at least `len` numbers.
    values: Vec<f32>,
    len: usize,
    number: PhantomData<T>,
}

/// 32-bit floats.
pub(crate) type Buffer = Numbers<f32>;

impl<T: Number> Numbers<T> {
    /// `len` numbers of unspecified value.
    pub fn new(len: usize) -> Self {
        let floats = (len * size_of::<T>()).div_ceil(size_of::<f32>());
        if floats >= SMALL {
            let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
            let first = waiting.partition_point(|values| values.len() < floats);
            if waiting.get(first).is_some_and(|values| values.len() <= floats + floats / 4) {
                return Self { values: waiting.remove(first), len, number: PhantomData };
            }
        }
        Self { values: vec![0.0; floats], len, number: PhantomData }
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let mut buffer = Self::new(len);
        buffer.fill(T::nearest(0.0));
        buffer
    }

    /// The tensor of this shape.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    pub fn into_tensor<const D: usize>(self, shape: [usize; D]) -> FlexTensor {
        assert_eq!(self.len, shape.iter().product::<usize>(), "as many values as the shape has elements");
        let len = self.len * size_of::<T>();
        // SAFETY: `len` bytes of `self` are numbers, all of them initialized.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), len) };
        FlexTensor::new(bytes, Layout::contiguous(Shape::from(shape)), T::dtype())
    }
}

impl<T> Drop for Numbers<T> {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        if values.len() < SMALL {
            return;
        }
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.partition_point(|other| other.len() < values.len());
        waiting.insert(at, values);
        let mut total: usize = waiting.iter().map(Vec::len).sum();
        let mut surplus = 0;
        while total > MOST_WAITING {
            total -= waiting[surplus].len();
            surplus += 1;
        }
        waiting.drain(..surplus);
    }
}

impl<T: Number> Deref for Numbers<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.values)[..self.len]
    }
}

impl<T: Number> DerefMut for Numbers<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.values)[..self.len]
    }
}

impl<T: Number> AllocationController for Numbers<T> {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _policy: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self[..]);
        // SAFETY: the caller writes nothing but initialized bytes, so that these stay what they are.
        Ok(unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let bytes: &[u8] = bytemuck::cast_slice(&self[..]);
        // SAFETY: initialized bytes are valid as bytes that may be uninitialized.
        Ok(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) })
    }
}

/// The values of a tensor that lies in one piece.
///
/// # Panics
/// If it does not, or holds other numbers.
pub(crate) fn values<T: Number>(tensor: &FlexTensor) -> &[T] {
    tensor.as_slice().expect("a contiguous tensor of these numbers")
}

/// A tensor of a few values.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(burn::tensor::TensorData::new(values, Shape::from(shape)))
}

/// `tensor` after `change`: in place where nobody else holds it, else a changed copy.
pub(crate) fn changed<T: Number, const D: usize>(tensor: FlexTensor, change: impl FnOnce(&mut [T])) -> FlexTensor {
    // A second handle, even to the same memory, would make it a shared one.
    let mut tensor = if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
    let len = tensor.layout().num_elements();
    let start = tensor.layout().start_offset();
    if let Some(storage) = tensor.try_storage_mut::<T>() {
        change(&mut storage[start..start + len]);
        return tensor;
    }
    let mut copy = Numbers::new(len);
    copy.copy_from_slice(values(&tensor));
    change(&mut copy);
    copy.into_tensor::<D>(burn::backend::TensorMetadata::shape(&tensor).dims())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_tensor_leaves_its_memory_to_the_next_of_its_size() {
        // A size of its own, since tests run side by side.
        let len = 1_234_567;
        let mut buffer = Buffer::new(len);
        buffer.fill(3.0);
        let address = buffer.as_ptr();
        let tensor = buffer.into_tensor([len]);
        assert_eq!(values::<f32>(&tensor)[len - 1], 3.0);
        drop(tensor);
        assert_eq!(Buffer::new(len).as_ptr(), address);
    }

    #[test]
    fn a_tensor_is_changed_in_place_and_a_shared_one_is_copied() {
        let tensor = changed::<f32, 1>(Buffer::new(5000).into_tensor([5000]), |values| values.fill(1.0));
        let shared = tensor.clone();
        let other = changed::<f32, 1>(tensor, |values| values.fill(2.0));
        assert_eq!((values::<f32>(&shared)[0], values::<f32>(&other)[0]), (1.0, 2.0));
        let address = values::<f32>(&other).as_ptr();
        assert_eq!(values::<f32>(&changed::<f32, 1>(other, |values| values[1] = 3.0)).as_ptr(), address);
    }
}
