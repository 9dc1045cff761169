//! What can go wrong with a GPU: each variant says what is missing or what was found.

/// A mistake or misfortune of the CUDA backend. Part of every build of this crate, so that programs need not
/// care which features it was built with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// This build of the crate has no CUDA backend.
    #[error("this build of fastssim has no CUDA backend: it was made without the feature `cuda`")]
    NotBuilt,
    /// There is no driver on this machine.
    #[error("{reason}")]
    NoDriver {
        /// What the system's loader says.
        reason: String,
    },
    /// The driver does not read the kernels' PTX.
    #[error(
        "the CUDA driver is too old: it supports CUDA {}.{}, and cannot read the kernels (PTX {ptx})",
        found.0, found.1
    )]
    DriverTooOld {
        /// The version of CUDA that the driver supports.
        found: (u32, u32),
        /// The version of the kernels' PTX.
        ptx: String,
    },
    /// There is a driver, and no device that it shows to this process.
    #[error("there is a CUDA driver but no CUDA device")]
    NoDevice,
    /// No device has this index.
    #[error("CUDA device {index} does not exist: there are {count}, counted from 0")]
    DeviceIndex {
        /// The index that was asked for.
        index: usize,
        /// How many devices there are.
        count: usize,
    },
    /// The device is older than what the kernels are made for.
    #[error(
        "CUDA device {index} ({name}) has compute capability {}.{}: it must be at least {}.{}",
        found.0, found.1, needed.0, needed.1
    )]
    ComputeCapability {
        /// The device's index.
        index: usize,
        /// The device's name.
        name: String,
        /// Its compute capability.
        found: (u32, u32),
        /// The least that is supported.
        needed: (u32, u32),
    },
    /// An option that this backend does not have yet.
    #[error("{what}: the CUDA backend supports {allowed}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What could have been asked for.
        allowed: &'static str,
    },
    /// Images of one element type were to be copied to device images of another.
    #[error("pixels of type {found}: these device images hold {expected}")]
    PixelType {
        /// The element type of the input.
        found: &'static str,
        /// The element type of the device images.
        expected: &'static str,
    },
    /// An argument lives on one device and the stream belongs to another.
    #[error("{name} is on CUDA device {found}: the stream is of device {expected}")]
    WrongDevice {
        /// Which argument.
        name: &'static str,
        /// The stream's device.
        expected: usize,
        /// The argument's device.
        found: usize,
    },
    /// The device's memory is full, or that of the host from which a device can copy. Nothing was started, and all
    /// handles stay usable.
    #[error("CUDA device {device} is out of memory{}", amounts(*requested, *free))]
    OutOfMemory {
        /// The device's index.
        device: usize,
        /// Bytes that were asked for; 0 where the driver wanted memory for something of its own.
        requested: usize,
        /// Bytes of the device's memory that are free, where the driver says so.
        free: Option<usize>,
    },
    /// An address that cannot be that of such values.
    #[error("{name}: the address {address:#x} is null, or not a multiple of {alignment}")]
    Address {
        /// Which argument.
        name: &'static str,
        /// The address.
        address: usize,
        /// The alignment of the values, in bytes.
        alignment: usize,
    },
    /// Work on the device has crashed, of this crate or of another in this process: until the process ends the
    /// driver refuses all work on this device.
    #[error("CUDA device {device} cannot be used any more, as work on it has failed: {name} ({code}) in {call}")]
    Fault {
        /// The device's index.
        device: usize,
        /// The driver's function that reported it.
        call: &'static str,
        /// The driver's code.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// The driver refused a call, for a reason that no other variant covers.
    #[error("{call} failed: {name} ({code})")]
    Driver {
        /// The driver's function.
        call: &'static str,
        /// The driver's code.
        code: u32,
        /// The driver's name for it, and more where it says more.
        name: String,
    },
}

/// What is known about a lack of memory, for the end of a sentence.
fn amounts(requested: usize, free: Option<usize>) -> String {
    match (requested, free) {
        (0, None) => String::new(),
        (0, Some(free)) => format!(": {free} bytes are free"),
        (requested, None) => format!(": {requested} bytes were asked for"),
        (requested, Some(free)) => format!(": {requested} bytes were asked for, {free} are free"),
    }
}

#[cfg(test)]
mod tests {
    use super::CudaError;

    #[test]
    fn a_lack_of_memory_says_what_is_known() {
        let text = |requested, free| {
            CudaError::OutOfMemory {
                device: 0,
                requested,
                free,
            }
            .to_string()
        };
        assert_eq!(
            text(9, Some(4)),
            "CUDA device 0 is out of memory: 9 bytes were asked for, 4 are free"
        );
        assert_eq!(text(0, None), "CUDA device 0 is out of memory");
        assert_eq!(text(9, None), "CUDA device 0 is out of memory: 9 bytes were asked for");
    }
}
