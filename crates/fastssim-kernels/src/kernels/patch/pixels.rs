//! The pixels of a patch, from the image to shared memory: a warp takes [`ROWS`] rows of as many columns as it has lanes, a *piece*, at a time.

use fastssim_device::math::fresh;
use fastssim_device::shared::Shared;
use fastssim_device::warp::lane;

use super::super::edges::Edges;
use super::super::pixels::{Pixel, Reader, Words};
use super::super::shift::Shift;
use super::super::tile::warp;
use super::Window;
use crate::geometry::{LANES, PATCH_THREADS, pitch};

/// Rows of a piece.
const ROWS: u32 = 5;
/// Pieces that a warp reads before the shift of the pixels is known, at most.
const MOST_AHEAD: usize = 3;

/// What this thread has read ahead, as it is, of pixels from `first` on.
pub(super) struct Read {
    first: [i32; 2],
    /// Rows and columns of pixels.
    extent: [u32; 2],
    words: [[Words; ROWS as usize]; MOST_AHEAD],
}

impl Read {
    /// Reads this warp's first pieces.
    #[inline(always)]
    pub(super) fn ahead<P: Pixel, E: Edges, W: Window>(
        reader: &Reader<P, E>,
        first: [i32; 2],
        extent: [u32; 2],
    ) -> Self {
        let mut read = Self {
            first,
            extent,
            words: [[[0; 2]; ROWS as usize]; MOST_AHEAD],
        };
        for turn in 0..W::AHEAD {
            // A fresh condition: of one that comes again, the compiler makes two ways through all that lies between, with a barrier in each.
            if fresh(read.piece(turn)) < read.pieces() {
                read.words[turn as usize] = read.words_of(reader, read.piece(turn));
            }
        }
        read
    }

    /// Pieces side by side, of all of them.
    #[inline(always)]
    fn beside(&self) -> u32 {
        self.extent[1].div_ceil(LANES)
    }

    #[inline(always)]
    fn pieces(&self) -> u32 {
        self.beside() * self.extent[0].div_ceil(ROWS)
    }

    /// The piece that this warp has in a turn.
    #[inline(always)]
    fn piece(&self, turn: u32) -> u32 {
        warp() + turn * (PATCH_THREADS / LANES)
    }

    /// Row and column, among the pixels of the patch, of what this thread has first of a piece.
    #[inline(always)]
    fn place(&self, piece: u32) -> [u32; 2] {
        // There is a piece beside, but the compiler must know it, or it makes room for a panic.
        let beside = self.beside().max(1);
        [piece / beside * ROWS, piece % beside * LANES + lane()]
    }

    #[inline(always)]
    fn words_of<P: Pixel, E: Edges>(&self, reader: &Reader<P, E>, piece: u32) -> [Words; ROWS as usize] {
        let [row, col] = self.place(piece);
        let column = reader.column(self.first[1] + col as i32);
        reader.read_rows(self.first[0] + row as i32, &column)
    }

    /// Writes u' and v' of all pixels, of which it reads the others first.
    ///
    /// # Safety
    /// All threads of the block call it, and nobody else uses that memory.
    #[inline(always)]
    pub(super) unsafe fn write<P: Pixel, E: Edges, W: Window>(
        &self,
        reader: &Reader<P, E>,
        shift: &Shift,
        pixels: Shared<f32>,
    ) {
        let write = |piece: u32, words: [Words; ROWS as usize]| {
            let [row, col] = self.place(piece);
            let column = reader.column(self.first[1] + col as i32);
            for i in 0..ROWS {
                if (row + i < self.extent[0]) & (col < self.extent[1]) {
                    let place = (row + i) * pitch(self.extent[1]) + col;
                    // SAFETY: as the caller promises; each place has one thread.
                    unsafe { pixels.store2(2 * place, reader.signals(&column, words[i as usize], shift)) };
                }
            }
        };
        for turn in 0..W::AHEAD {
            if self.piece(turn) < self.pieces() {
                write(self.piece(turn), self.words[turn as usize]);
            }
        }
        if W::ARE_ALL {
            return;
        }
        let mut piece = self.piece(W::AHEAD);
        while piece < self.pieces() {
            write(piece, self.words_of(reader, piece));
            piece += PATCH_THREADS / LANES;
        }
    }
}
