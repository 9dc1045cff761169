//! References of the host in the memory of devices: copied there when they are first needed, and kept.

use std::sync::{Mutex, PoisonError};

use super::call::Array;
use super::device::Device;
use super::host::put_pixels;
use super::memory::DeviceBuffer;
use super::stream::Stream;
use crate::error::Result;
use crate::input::Pixels;

/// The copies of one reference, one on each device that has needed it.
#[derive(Default)]
pub(crate) struct Residents(Mutex<Vec<Resident>>);

struct Resident {
    device: Device,
    array: Array,
    /// What the array points to.
    _buffer: DeviceBuffer,
}

impl Residents {
    /// The copy on the stream's device of these pixels, which are always the same.
    pub(super) fn array(&self, stream: &Stream, pixels: Pixels<'_>) -> Result<Array> {
        let mut residents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = residents.iter().find(|resident| &resident.device == stream.device()) {
            return Ok(found.array);
        }
        let mut slot = None;
        let array = put_pixels(stream, &mut slot, "the reference", pixels)?;
        // Other streams are going to use it, which do not wait for this one.
        stream.synchronize()?;
        residents.extend(slot.map(|buffer| Resident {
            device: *stream.device(),
            array,
            _buffer: buffer,
        }));
        Ok(array)
    }
}

impl std::fmt::Debug for Residents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let residents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list()
            .entries(residents.iter().map(|resident| resident.device.index()))
            .finish()
    }
}
