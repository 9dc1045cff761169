//! What a kernel can do wrong, and where it did.

use core::fmt;
use std::string::String;

/// A mistake of a kernel (or of its launch), and the thread that made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kernel {kernel}, block {}, thread {}: {kind}", Index(block), Index(thread))]
pub struct Fault {
    /// The name that the launch gave.
    pub kernel: String,
    /// Index of the block in the grid: x, y, z.
    pub block: [u32; 3],
    /// Index of the thread in the block: x, y, z.
    pub thread: [u32; 3],
    /// What it did.
    pub kind: FaultKind,
}

/// The mistakes that the emulator finds. Addresses are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// A read of shared memory that nobody wrote in this block.
    #[error("reads shared memory at {address}, which nobody has written in this block")]
    Uninitialized {
        /// Address of the word.
        address: u32,
    },
    /// Two accesses of one word of shared memory, one of them a write, with no barrier between.
    #[error(
        "{access} shared memory at {address}, which thread {} {other_access} with no barrier between",
        Index(other)
    )]
    Race {
        /// Address of the word.
        address: u32,
        /// What this thread does.
        access: Access,
        /// The other thread.
        other: [u32; 3],
        /// What the other thread did before.
        other_access: Access,
    },
    /// An access to the destination of an asynchronous copy that has not been waited for.
    #[error(
        "{access} shared memory at {address}, where an asynchronous copy of thread {} has not been waited for",
        Index(copier)
    )]
    CopyNotWaited {
        /// Address of the word.
        address: u32,
        /// What this thread does.
        access: Access,
        /// The thread that started the copy.
        copier: [u32; 3],
    },
    /// An access that does not lie within the shared memory of the block.
    #[error("{access} {size} bytes of shared memory at {address}, of {shared_bytes} bytes in all")]
    OutsideShared {
        /// Address of the access.
        address: u32,
        /// Its size in bytes.
        size: u32,
        /// Whether it reads or writes.
        access: Access,
        /// The shared memory of the launch.
        shared_bytes: u32,
    },
    /// An access that does not lie within a buffer.
    #[error("{access} {size} bytes at byte {offset} of buffer {buffer}, of {bytes} bytes in all")]
    OutsideBuffer {
        /// The nearest buffer.
        buffer: String,
        /// Position of the access in it, in bytes.
        offset: i64,
        /// Its size in bytes.
        size: u32,
        /// Whether it reads or writes.
        access: Access,
        /// The size of the buffer in bytes.
        bytes: u64,
    },
    /// An access to global memory nowhere near a buffer.
    #[error("{access} {size} bytes of global memory at {address:#x}, where there is no buffer")]
    NoBuffer {
        /// Address of the access.
        address: u64,
        /// Its size in bytes.
        size: u32,
        /// Whether it reads or writes.
        access: Access,
    },
    /// A write to a buffer that was given to be read.
    #[error("writes to byte {offset} of buffer {buffer}, which is only to be read")]
    ReadOnly {
        /// The buffer.
        buffer: String,
        /// Position of the access in it, in bytes.
        offset: u64,
    },
    /// An access whose address is no multiple of its size.
    #[error("{access} {size} bytes of {space} memory at {address:#x}, which is no multiple of {size}")]
    Misaligned {
        /// Shared or global memory.
        space: Space,
        /// Address of the access.
        address: u64,
        /// Its size in bytes.
        size: u32,
        /// Whether it reads or writes.
        access: Access,
    },
    /// An atomic operation on a part of a buffer's elements, or on several at once.
    #[error(
        "adds atomically to 4 bytes of buffer {buffer}, whose elements are of {element} bytes: 4 or more are needed"
    )]
    AtomicElement {
        /// The buffer.
        buffer: String,
        /// Size of its elements in bytes.
        element: u32,
    },
    /// An asynchronous copy that asks for more valid bytes than it copies.
    #[error("starts a copy of {size} bytes with {valid} valid ones: at most {size} can be")]
    CopySize {
        /// Valid bytes asked for.
        valid: u32,
        /// Bytes of the copy.
        size: u32,
    },
    /// A barrier or exchange that another thread, which it needs, does not reach.
    #[error("waits at {at} for thread {}, which {missing_is}", Index(missing))]
    Divergence {
        /// Where this thread waits.
        at: Point,
        /// The thread that does not come.
        missing: [u32; 3],
        /// Where that thread is instead.
        missing_is: Whereabouts,
    },
    /// A panic in the kernel.
    #[error("panics: {message}")]
    Panic {
        /// The panic's message.
        message: String,
    },
    /// A grid that no device can launch, or a host without memory for it.
    #[error("cannot be launched: {reason}")]
    Launch {
        /// What was asked for, and what is allowed.
        reason: String,
    },
}

/// A kind of access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store, or an atomic operation.
    Write,
    /// The write of an asynchronous copy.
    Copy,
}

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The memory of a block.
    Shared,
    /// The memory of the device.
    Global,
}

/// Where threads wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Point {
    /// `thread::sync_threads`.
    SyncThreads,
    /// `warp::sync`.
    SyncWarp,
    /// `warp::shuffle`.
    Shuffle,
    /// `warp::shuffle_down`.
    ShuffleDown,
    /// `warp::shuffle_xor`.
    ShuffleXor,
    /// `warp::ballot`.
    Ballot,
    /// A barrier of compiled code, to which the lanes of a warp must come together.
    Converge,
    /// `mma::m16n8k8_f16`.
    ProductK8,
    /// `mma::m16n8k16_f16`.
    ProductK16,
}

/// Where a thread is that others wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It has returned from the kernel.
    Returned,
    /// It waits elsewhere.
    At(Point),
    /// The block has no such thread: its size is no multiple of 32.
    Absent,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Read => "reads",
            Access::Write => "writes",
            Access::Copy => "copies to",
        })
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Space::Shared => "shared",
            Space::Global => "global",
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Point::SyncThreads => "thread::sync_threads",
            Point::SyncWarp => "warp::sync",
            Point::Shuffle => "warp::shuffle",
            Point::ShuffleDown => "warp::shuffle_down",
            Point::ShuffleXor => "warp::shuffle_xor",
            Point::Ballot => "warp::ballot",
            Point::Converge => "a barrier",
            Point::ProductK8 => "mma::m16n8k8_f16",
            Point::ProductK16 => "mma::m16n8k16_f16",
        })
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whereabouts::Returned => f.write_str("has returned"),
            Whereabouts::At(point) => write!(f, "waits at {point}"),
            Whereabouts::Absent => f.write_str("does not exist"),
        }
    }
}

/// Prints an index as `(x, y, z)`.
struct Index<'a>(&'a [u32; 3]);

impl fmt::Display for Index<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.0;
        write!(f, "({x}, {y}, {z})")
    }
}
