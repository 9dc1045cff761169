//! The memory of pictures that are gone, for those that come: the system would clear it page by page each time, which
//! takes a sixth of the time of a folder of JPEG files.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::available_parallelism;

/// The largest memory that is kept, in bytes: more than that of twice the pixels of 4K, in colour of 8 bits.
const LARGEST: usize = 64 << 20;

/// Memory for samples of one type.
pub struct Memory<T>(Mutex<Vec<Vec<T>>>);

/// For the samples of files.
pub static BYTES: Memory<u8> = Memory::new();

/// For the luma of bytes.
pub static FLOATS: Memory<f32> = Memory::new();

impl<T: Copy + Default> Memory<T> {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// So many zeros.
    pub fn take(&self, count: usize) -> Vec<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is too small is given up for a new one, so that there are never more than were in use at a time.
        let at = kept.iter().position(|samples| samples.capacity() >= count);
        let found = at.map(|at| kept.swap_remove(at)).or_else(|| kept.pop());
        drop(kept);
        match found {
            Some(mut samples) if samples.capacity() >= count => {
                samples.clear();
                samples.resize(count, T::default());
                samples
            }
            _ => vec![T::default(); count],
        }
    }

    /// Keeps the memory of samples that nobody needs any more, if there is not much of it.
    pub fn give_back(&self, samples: Vec<T>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = samples.capacity() * size_of::<T>();
        if (1..=LARGEST).contains(&bytes) && kept.len() < most() {
            kept.push(samples);
        }
    }
}

/// How many are kept: two pictures for each core.
fn most() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| 2 * available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_cleared() {
        let memory = Memory::<u8>::new();
        let mut first = memory.take(100);
        first.fill(7);
        let place = first.as_ptr();
        memory.give_back(first);
        let second = memory.take(60);
        assert_eq!((second.as_ptr(), &second[..]), (place, &[0; 60][..]));
        memory.give_back(second);
        // One that is too small is not kept beside the larger one.
        let third = memory.take(101);
        assert_eq!(third, [0; 101]);
        assert!(memory.0.lock().unwrap().is_empty());
    }

    #[test]
    fn too_much_is_not_kept() {
        let memory = Memory::<f32>::new();
        memory.give_back(Vec::with_capacity(LARGEST / 4 + 1));
        memory.give_back(Vec::new());
        assert!(memory.0.lock().unwrap().is_empty());
        (0..100).for_each(|_| memory.give_back(vec![0.0; 10]));
        assert_eq!(memory.0.lock().unwrap().len(), most());
    }
}
