//! Random programs: the emulator must find a race exactly where comparing every pair of accesses
//! does.
//!
//! The oracle knows nothing of epochs and last readers. It follows the definition: two accesses of
//! one word, one of them a write, by different threads, with no barrier of the block between them,
//! nor of the warp if both are in it.

use fastssim_device::emulator::{FaultKind, Grid, Memory};
use fastssim_device::shared::Shared;
use fastssim_device::{thread, warp};

const THREADS: u32 = 96;
const WORDS: u32 = 3;

/// A step of a program, which every thread walks through from the first to the last.
#[derive(Clone, Copy, Debug)]
enum Step {
    Access {
        thread: u32,
        word: u32,
        write: bool,
    },
    SyncThreads,
    SyncWarp {
        warp: u32,
    },
    /// Orders nothing, but changes which thread runs when.
    Shuffle {
        warp: u32,
    },
}

/// A linear congruential generator: the same programs each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }

    fn step(&mut self) -> Step {
        let warp = self.below(THREADS / 32);
        match self.below(10) {
            0 => Step::SyncThreads,
            1 | 2 => Step::SyncWarp { warp },
            3 => Step::Shuffle { warp },
            // Few threads, so that one thread often accesses a word several times.
            _ => Step::Access {
                thread: 32 * warp + self.below(3),
                word: self.below(WORDS),
                write: self.below(4) == 0,
            },
        }
    }
}

/// Whether any pair of accesses is a race.
fn has_race(program: &[Step]) -> bool {
    program.iter().enumerate().any(|(i, first)| {
        let Step::Access { thread: a, word, write } = *first else {
            return false;
        };
        let later = program[i + 1..].iter();
        // A barrier between orders all that comes after it for its threads.
        let mut ordered_warp = false;
        for step in later {
            match *step {
                Step::SyncThreads => return false,
                Step::SyncWarp { warp } => ordered_warp |= warp == a / 32,
                Step::Access {
                    thread: b,
                    word: other,
                    write: writes,
                } => {
                    let ordered = a == b || a / 32 == b / 32 && ordered_warp;
                    if other == word && (write || writes) && !ordered {
                        return true;
                    }
                }
                Step::Shuffle { .. } => {}
            }
        }
        false
    })
}

fn access(words: Shared<u32>, word: u32, write: bool) {
    // SAFETY: the emulator checks every access, which is what this test is about.
    unsafe {
        if write {
            words.store(word, 1);
        } else {
            words.load(word);
        }
    }
}

fn kernel(program: &[Step]) {
    let (index, words) = (thread::thread_idx_x(), Shared::<u32>::at(0));
    if index < WORDS {
        access(words, index, true);
    }
    thread::sync_threads();
    for step in program {
        match *step {
            Step::SyncThreads => thread::sync_threads(),
            Step::SyncWarp { warp } if warp == index / 32 => warp::sync(),
            Step::Shuffle { warp } if warp == index / 32 => _ = warp::shuffle(index, 0),
            Step::Access { thread, word, write } if thread == index => access(words, word, write),
            _ => {}
        }
    }
}

#[test]
fn races_are_found_exactly_where_they_are() {
    let mut random = Random(1);
    let (mut races, mut clean) = (0, 0);
    while races < 1500 || clean < 1500 {
        let length = 2 + random.below(12);
        let program: Vec<Step> = (0..length).map(|_| random.step()).collect();
        let expected = has_race(&program);
        *(if expected { &mut races } else { &mut clean }) += 1;
        let grid = Grid {
            kernel: "random",
            blocks: [1, 1, 1],
            threads: [THREADS, 1, 1],
            shared_bytes: 4 * WORDS,
        };
        match grid.run(&Memory::new(), || kernel(&program)) {
            Ok(()) => assert!(!expected, "a race was not found in {program:?}"),
            Err(fault) => {
                assert!(matches!(fault.kind, FaultKind::Race { .. }), "{fault} in {program:?}");
                assert!(expected, "{fault}, but there is no race in {program:?}");
            }
        }
    }
}
