//! Instructions as they are run: decoded, with registers by their numbers.

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    /// Its line in the text.
    pub(super) line: u32,
    /// A predicate, and what it must be for the instruction to be done.
    pub(super) guard: Option<(Register, bool)>,
    pub(super) operation: Operation,
}

/// The number of a register of a thread.
pub(super) type Register = usize;

/// What an instruction takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operand {
    Register(Register),
    Constant(u64),
    Special(Special),
}

/// Registers that the hardware fills in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Special {
    /// The thread in its block, the block in its grid, and how many threads a block has: along an axis.
    Thread(usize),
    Block(usize),
    Threads(usize),
    Lane,
}

/// A place in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) base: Operand,
    pub(super) offset: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Branch(usize),
    Return,
    /// A barrier of the block.
    Barrier,
    /// A barrier of the warp.
    WarpBarrier,
    Fence,
    /// A load or a store of 1, 2 or 4 numbers of so many bytes.
    Move {
        space: Space,
        is_store: bool,
        address: Address,
        bytes: usize,
        values: Values,
    },
    /// The start of a copy of so many bytes from global into shared memory, of which some are read and the rest is zero.
    Copy {
        to: Address,
        from: Address,
        size: u32,
        valid: Operand,
    },
    CommitCopies,
    /// A wait for all groups of copies but so many.
    WaitCopies(usize),
    AtomicAdd {
        to: Register,
        address: Address,
        value: Operand,
    },
    Shuffle {
        exchange: Exchange,
        to: Register,
        value: Operand,
        lane: Operand,
    },
    Ballot {
        to: Register,
        value: Operand,
    },
    /// The halves of a number of 64 bits, and such a number of its halves.
    Split {
        to: [Register; 2],
        from: Operand,
    },
    Join {
        to: Register,
        from: [Operand; 2],
    },
    Compute {
        to: Register,
        compute: Compute,
        kind: Kind,
        operands: [Operand; 3],
    },
}

/// What is loaded or stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub(super) operands: [Operand; 4],
    pub(super) count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Space {
    Parameter,
    Shared,
    Global,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Exchange {
    /// With a lane of a number.
    Index,
    /// With the lane whose number differs in these bits.
    Butterfly,
}

/// The type of an instruction: what its bits mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    pub(super) class: Class,
    pub(super) bits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Class {
    Unsigned,
    Signed,
    Float,
}

/// Arithmetic of up to three operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Compute {
    Copy,
    Add,
    Subtract,
    /// The lower half of a product, the upper one, and all of it.
    Multiply,
    MultiplyHigh,
    MultiplyWide,
    /// Rounded once, if it is rounded.
    MultiplyAdd,
    Divide,
    Reciprocal,
    SquareRoot,
    Negate,
    Absolute,
    Minimum,
    Maximum,
    And,
    Or,
    Xor,
    Not,
    ShiftLeft,
    ShiftRight,
    BitField,
    CountOnes,
    /// The first operand where the third one is set, else the second.
    Select,
    Compare(Comparison),
    Convert(Kind),
}

/// A comparison; `or_nan`: it holds as well where one of the numbers is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) less: bool,
    pub(super) equal: bool,
    pub(super) greater: bool,
    pub(super) or_nan: bool,
}
