//! Bytes that wait.

/// A queue of up to `N` bytes, in a ring. It moves them in pieces, which a queue of single elements does not.
#[derive(Debug)]
pub struct Queue<const N: usize> {
    bytes: [u8; N],
    /// Where the first byte lies.
    start: usize,
    length: usize,
}

impl<const N: usize> Default for Queue<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Queue<N> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { bytes: [0; N], start: 0, length: 0 }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// So many bytes fit.
    pub fn room(&self) -> usize {
        N - self.length
    }

    /// Drops all.
    pub fn clear(&mut self) {
        (self.start, self.length) = (0, 0);
    }

    /// The byte that was appended last.
    pub fn last(&self) -> Option<u8> {
        let index = wrapped::<N>(self.start + self.length.checked_sub(1)?);
        self.bytes.get(index).copied()
    }

    /// Appends bytes, and returns how many of them fitted.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        let end = wrapped::<N>(self.start + self.length);
        let (behind, front) = bytes.get(..count).unwrap_or(&[]).split_at(count.min(N - end));
        for (place, bytes) in [(end, behind), (0, front)] {
            if let Some(place) = self.bytes.get_mut(place..place + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
        self.length += count;
        count
    }

    /// The first bytes, as many as lie one behind the other: all, or those up to the end of the ring.
    pub fn first(&self) -> &[u8] {
        let end = N.min(self.start + self.length);
        self.bytes.get(self.start..end).unwrap_or(&[])
    }

    /// Drops the first bytes.
    pub fn drop(&mut self, count: usize) {
        let count = count.min(self.length);
        self.start = wrapped::<N>(self.start + count);
        self.length -= count;
    }

    /// Moves the first bytes to `buffer`, and returns how many.
    pub fn take(&mut self, buffer: &mut [u8]) -> usize {
        let mut taken = 0;
        // What lies at the end of the ring, then what lies at its beginning.
        for _ in 0..2 {
            let (Some(place), first) = (buffer.get_mut(taken..), self.first()) else { break };
            let count = place.len().min(first.len());
            if let (Some(place), Some(first)) = (place.get_mut(..count), first.get(..count)) {
                place.copy_from_slice(first);
            }
            self.drop(count);
            taken += count;
        }
        taken
    }
}

fn wrapped<const N: usize>(index: usize) -> usize {
    if index < N { index } else { index - N }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::VecDeque;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const ROOM: usize = 7;

    proptest! {
        #[test]
        fn it_does_what_a_queue_of_the_standard_library_does(steps in prop::collection::vec((0usize..5, 0usize..10), 1..60)) {
            let (mut queue, mut expected, mut next) = (Queue::<ROOM>::new(), VecDeque::new(), 0u8);
            for (step, count) in steps {
                match step {
                    0 | 1 => {
                        let bytes: Vec<u8> = (0..count).map(|index| next.wrapping_add(index as u8)).collect();
                        next = next.wrapping_add(count as u8);
                        let fits = count.min(ROOM - expected.len());
                        prop_assert_eq!(queue.push(&bytes), fits);
                        expected.extend(&bytes[..fits]);
                    }
                    2 => {
                        let (mut buffer, fits) = ([0; 10], count.min(expected.len()));
                        prop_assert_eq!(queue.take(&mut buffer[..count]), fits);
                        let taken: Vec<u8> = expected.drain(..fits).collect();
                        prop_assert_eq!(&buffer[..fits], &taken[..]);
                    }
                    3 => {
                        let first = queue.first();
                        prop_assert!(first.iter().eq(expected.iter().take(first.len())));
                        prop_assert_eq!(first.is_empty(), expected.is_empty());
                        queue.drop(count);
                        expected.drain(..count.min(expected.len()));
                    }
                    _ if count == 0 => {
                        queue.clear();
                        expected.clear();
                    }
                    _ => {}
                }
                prop_assert_eq!(queue.room(), ROOM - expected.len());
                prop_assert_eq!((queue.is_empty(), queue.last()), (expected.is_empty(), expected.back().copied()));
            }
        }
    }
}
