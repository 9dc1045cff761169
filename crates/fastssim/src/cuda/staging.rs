//! Copies between the host and a device, through a ring of pinned buffers.
//!
//! Only pinned memory can be copied while the host goes on, and a copy from any other to a non-blocking stream
//! would not wait its turn. So the host fills one buffer while the device empties the one before, and the other
//! way round. The buffers are made when they are first needed, and kept.

use super::device::Device;
use super::event::Event;
use super::memory::{PinnedBuffer, Plain};
use super::sys::{self, CUstream};
use crate::CudaError;

/// Bytes of a buffer: enough that the price of starting a copy, some microseconds, does not count.
const CHUNK: usize = 2 << 20;
/// Buffers of the ring.
const CHUNKS: usize = 4;

/// The ring of one stream.
pub(super) struct Staging {
    device: Device,
    chunks: Vec<Chunk>,
    /// Buffers used so far; the next is this one, modulo the ring's size.
    used: usize,
}

struct Chunk {
    buffer: PinnedBuffer,
    /// Recorded after the last copy.
    copied: Event,
}

impl Staging {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            device: *device,
            chunks: Vec::new(),
            used: 0,
        }
    }

    /// Copies `len` elements to the device's memory; `fill` is asked for them piece by piece. Returns when the
    /// last of them has been asked for, and before the device has them.
    ///
    /// # Safety
    ///
    /// The device's context is current and the stream belongs to it. There is room for the elements at `address`,
    /// and nobody else uses it until the stream has come past.
    pub(super) unsafe fn upload<T: Plain>(
        &mut self,
        stream: CUstream,
        address: u64,
        len: usize,
        mut fill: impl FnMut(&mut [T]),
    ) -> Result<(), CudaError> {
        let most = CHUNK / size_of::<T>();
        for from in (0..len).step_by(most) {
            let count = most.min(len - from);
            let device = self.device;
            let chunk = self.next()?;
            chunk.copied.wait(&device)?;
            // SAFETY: the last copy from or to this buffer is over.
            fill(unsafe { chunk.buffer.as_mut_slice(count) });
            let at = address + (from * size_of::<T>()) as u64;
            // SAFETY: `count` elements fit in the buffer, which stays until `copied` is reached, and at the
            // address, as the caller promises.
            let status =
                unsafe { sys::cuMemcpyHtoDAsync_v2(at, chunk.buffer.as_ptr(), count * size_of::<T>(), stream) };
            device.check("cuMemcpyHtoDAsync", status)?;
            // SAFETY: the caller's stream, on this device.
            unsafe { chunk.copied.record(&device, stream) }?;
        }
        Ok(())
    }

    /// Copies `len` elements from the device's memory; `take` is given them piece by piece. Waits for them, and so
    /// for all work before them.
    ///
    /// # Safety
    ///
    /// The device's context is current and the stream belongs to it. There are so many elements at `address`, and
    /// nobody writes to them until this returns.
    pub(super) unsafe fn download<T: Plain>(
        &mut self,
        stream: CUstream,
        address: u64,
        len: usize,
        mut take: impl FnMut(&[T]),
    ) -> Result<(), CudaError> {
        let most = CHUNK / size_of::<T>();
        let pieces = len.div_ceil(most);
        let count = |piece: usize| most.min(len - piece * most);
        let device = self.device;
        let first = self.used;
        let mut started = 0;
        for piece in 0..pieces {
            // As many ahead as there are buffers.
            while started < pieces.min(piece + CHUNKS) {
                let chunk = self.next()?;
                chunk.copied.wait(&device)?;
                let at = address + (started * most * size_of::<T>()) as u64;
                let bytes = count(started) * size_of::<T>();
                // SAFETY: the piece fits in the buffer, which nobody touches until `copied` is reached; the
                // elements are there, as the caller promises.
                let status = unsafe { sys::cuMemcpyDtoHAsync_v2(chunk.buffer.as_mut_ptr(), at, bytes, stream) };
                device.check("cuMemcpyDtoHAsync", status)?;
                // SAFETY: the caller's stream, on this device.
                unsafe { chunk.copied.record(&device, stream) }?;
                started += 1;
            }
            let chunk = &mut self.chunks[(first + piece) % CHUNKS];
            chunk.copied.wait(&device)?;
            // SAFETY: the copy to this buffer is over.
            take(unsafe { chunk.buffer.as_mut_slice(count(piece)) });
        }
        Ok(())
    }

    /// The next buffer of the ring, which the device may still be using.
    fn next(&mut self) -> Result<&mut Chunk, CudaError> {
        let index = self.used % CHUNKS;
        if index == self.chunks.len() {
            let buffer = PinnedBuffer::new(&self.device, CHUNK)?;
            let copied = Event::without_time(&self.device)?;
            self.chunks.push(Chunk { buffer, copied });
        }
        self.used += 1;
        Ok(&mut self.chunks[index])
    }
}
