//! For tests: files that are damaged at random, to be read by what must not break down over them.
//!
//! It is what a fuzzer does, in seconds and the same in each run. `FASTSSIM_BROKEN_FILES` says how many files there
//! are to be instead, and then they are others in each run.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Damage to a file.
#[derive(Clone, Debug)]
pub enum Damage {
    Cut(Index),
    Set(Index, u8),
    Flip(Index, u8),
    /// Four bytes that are lengths in most formats, in both byte orders.
    Length(Index, u32, bool),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
}

impl Damage {
    pub fn strategy() -> impl Strategy<Value = Self> {
        let index = any::<Index>;
        let lengths = select(vec![0, 1, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX, 1 << 20]);
        prop_oneof![
            index().prop_map(Self::Cut),
            (index(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (index(), 0..8u8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            (index(), lengths, any::<bool>()).prop_map(|(at, value, big)| Self::Length(at, value, big)),
            (index(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            (index(), index()).prop_map(|(at, end)| Self::Remove(at, end)),
            (index(), index()).prop_map(|(at, end)| Self::Repeat(at, end)),
        ]
    }

    pub fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        // Half of all damage is done to the first bytes, which are the header.
        let length = file.len();
        let place = |index: &Index| match index.index(2 * length) {
            at if at < length => at,
            _ => index.index(length.min(64)),
        };
        match self {
            Self::Cut(at) => file.truncate(place(at)),
            Self::Set(at, byte) => file[place(at)] = *byte,
            Self::Flip(at, bit) => file[place(at)] ^= 1 << bit,
            Self::Length(at, value, big) => {
                let bytes = if *big { value.to_be_bytes() } else { value.to_le_bytes() };
                for (target, byte) in file[place(at)..].iter_mut().zip(bytes) {
                    *target = byte;
                }
            }
            Self::Insert(at, bytes) => drop(file.splice(place(at)..place(at), bytes.iter().copied())),
            Self::Remove(at, end) => {
                let (at, end) = (place(at), place(end));
                file.drain(at.min(end)..at.max(end));
            }
            Self::Repeat(at, end) => {
                let (at, end) = (place(at), place(end));
                let part = file[at.min(end)..at.max(end)].to_vec();
                drop(file.splice(at..at, part));
            }
        }
    }
}

/// Damages one of so many files in so many ways, again and again.
pub fn test(files: usize, usual_cases: u32, test: impl Fn(usize, Vec<Damage>) -> Result<(), TestCaseError>) {
    let cases = std::env::var("FASTSSIM_BROKEN_FILES")
        .ok()
        .map(|cases| cases.parse().unwrap());
    let config = Config {
        cases: cases.unwrap_or(usual_cases),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = match cases {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRunner::deterministic().rng().clone();
            TestRunner::new_with_rng(config, rng)
        }
    };
    let strategy = (0..files, vec(Damage::strategy(), 1..6));
    runner.run(&strategy, |(at, damage)| test(at, damage)).unwrap();
}
