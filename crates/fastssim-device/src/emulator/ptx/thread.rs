//! A thread on its way through the instructions of an entry point.

use std::vec;
use std::vec::Vec;

use super::super::block::with;
use super::super::device;
use super::super::fault::Point;
use super::arithmetic::compute;
use super::instruction::{Address, Exchange, Instruction, Operand, Operation, Register, Space, Special, Values};

/// The registers of a thread, and the parameter of its kernel.
pub(super) struct Thread<'a> {
    registers: Vec<u64>,
    parameter: &'a [u8],
}

impl<'a> Thread<'a> {
    pub(super) fn new(registers: usize, parameter: &'a [u8]) -> Self {
        Self {
            registers: vec![0; registers],
            parameter,
        }
    }

    /// Runs from the first instruction to a return.
    pub(super) fn run(&mut self, code: &[Instruction]) {
        let mut next = 0;
        // The reader ends every entry point with a return.
        while let Some(instruction) = code.get(next) {
            next += 1;
            if let Some((predicate, wanted)) = instruction.guard
                && (self.registers[predicate] != 0) != wanted
            {
                continue;
            }
            match instruction.operation {
                Operation::Branch(target) => next = target,
                Operation::Return => return,
                operation => self.step(instruction.line, operation),
            }
        }
    }

    #[inline(always)]
    fn step(&mut self, line: u32, operation: Operation) {
        match operation {
            Operation::Compute {
                to,
                compute: what,
                kind,
                operands,
            } => self.registers[to] = compute(what, kind, operands.map(|operand| self.value(operand))),
            Operation::Move {
                space,
                is_store: false,
                address,
                bytes,
                values,
            } => self.load(space, address, bytes, values),
            Operation::Move {
                space,
                address,
                bytes,
                values,
                ..
            } => self.store(space, address, bytes, values),
            Operation::Copy { to, from, size, valid } => {
                let (to, from) = (self.address(to) as u32, self.address(from));
                let valid = self.value(valid) as u32;
                with(|block| block.start_copy(to, from, size, valid));
            }
            Operation::CommitCopies => device::copy_commit(),
            Operation::WaitCopies(youngest) => with(|block| block.wait_copies(youngest)),
            Operation::AtomicAdd { to, address, value } => {
                let (address, value) = (self.address(address), self.value(value) as u32);
                self.registers[to] = with(|block| block.atomic_add(address, value)).into();
            }
            Operation::Shuffle {
                exchange,
                to,
                value,
                lane,
            } => self.shuffle(line, exchange, to, [value, lane]),
            Operation::Ballot { to, value } => {
                let value = u32::from(self.value(value) != 0);
                self.registers[to] = together(line, Point::Ballot, value, |given| {
                    (0..32).map(|lane| given(lane) << lane).sum::<u32>()
                })
                .into();
            }
            Operation::Split { to, from } => {
                let value = self.value(from);
                self.registers[to[0]] = value & 0xffff_ffff;
                self.registers[to[1]] = value >> 32;
            }
            Operation::Join { to, from } => {
                let [low, high] = from.map(|half| self.value(half));
                self.registers[to] = high << 32 | low;
            }
            Operation::Barrier => {
                together(line, Point::Converge, 0, |_| ());
                device::sync_threads();
            }
            Operation::WarpBarrier => {
                together(line, Point::Converge, 0, |_| ());
                device::sync_warp();
            }
            Operation::Fence => device::fence(),
            Operation::Branch(_) | Operation::Return => {}
        }
    }

    fn shuffle(&mut self, line: u32, exchange: Exchange, to: Register, [value, lane]: [Operand; 2]) {
        let (value, number) = (self.value(value) as u32, self.value(lane) as u32);
        let (point, from) = match exchange {
            Exchange::Index => (Point::Shuffle, number),
            Exchange::Butterfly => (Point::ShuffleXor, device::lane() ^ number),
        };
        self.registers[to] = together(line, point, value, |given| given(from as usize % 32)).into();
    }

    #[inline(always)]
    fn value(&self, operand: Operand) -> u64 {
        match operand {
            Operand::Register(register) => self.registers[register],
            Operand::Constant(value) => value,
            Operand::Special(special) => match special {
                Special::Thread(axis) => device::thread_idx()[axis],
                Special::Block(axis) => device::block_idx()[axis],
                Special::Threads(axis) => device::block_dim()[axis],
                Special::Lane => device::lane(),
            }
            .into(),
        }
    }

    #[inline(always)]
    fn address(&self, address: Address) -> u64 {
        self.value(address.base).wrapping_add(address.offset)
    }

    /// Numbers side by side come in one access, the first one in the lowest bits.
    fn load(&mut self, space: Space, address: Address, bytes: usize, values: Values) {
        let (at, size) = (self.address(address), bytes * values.count);
        let word = match space {
            Space::Parameter => {
                let mut word = [0; 16];
                word[..size].copy_from_slice(&self.parameter[at as usize..][..size]);
                u128::from_le_bytes(word)
            }
            Space::Shared => with(|block| block.load_shared(at as u32, size as u32)),
            Space::Global => with(|block| block.load_global(at, size as u32)),
        };
        for (i, operand) in values.operands[..values.count].iter().enumerate() {
            if let Operand::Register(register) = *operand {
                self.registers[register] = (word >> (8 * bytes * i)) as u64 & (!0 >> (64 - 8 * bytes));
            }
        }
    }

    fn store(&mut self, space: Space, address: Address, bytes: usize, values: Values) {
        let (at, size) = (self.address(address), (bytes * values.count) as u32);
        let word = values.operands[..values.count].iter().rev().fold(0, |word, operand| {
            let value = self.value(*operand) & (!0 >> (64 - 8 * bytes));
            word << (8 * bytes) | u128::from(value)
        });
        match space {
            Space::Shared => with(|block| block.store_shared(at as u32, size, word)),
            _ => with(|block| block.store_global(at, size, word)),
        }
    }
}

/// Gives `value` to the other lanes of the warp, which must all be at the same instruction, and calls `take` with a function
/// that says what a lane gave.
///
/// # Panics
/// Some lane is elsewhere.
fn together<R>(line: u32, point: Point, value: u32, take: impl FnOnce(&dyn Fn(usize) -> u32) -> R) -> R {
    with(|block| {
        block.exchange(point, &[value, line], |given| {
            if let Some(other) = (0..32).map(|lane| given(lane, 1)).find(|other| *other != line) {
                panic!("is at {point} of line {line}, where another lane of its warp is at that of line {other}");
            }
            take(&|lane| given(lane, 0))
        })
    })
}
