//! The types that memory can hold, and how each travels: as an unsigned word of its size.

use crate::provider;

/// A number that can be loaded from and stored to shared and global memory.
///
/// Implemented for `u8`, `u16`, `u32`, `f32` and `f64`.
pub trait Element: Copy + Send + Sync + sealed::Sealed + 'static {
    /// The unsigned integer of the same size.
    #[doc(hidden)]
    type Word: provider::Word;
    #[doc(hidden)]
    fn into_word(self) -> Self::Word;
    #[doc(hidden)]
    fn from_word(word: Self::Word) -> Self;
}

/// An element of 32 bits: `u32` or `f32`. These can be loaded and stored two and four at a time.
pub trait Element32: Element<Word = u32> {}

mod sealed {
    pub trait Sealed {}
}

/// Size of `T` in bytes, as addresses are counted.
#[inline(always)]
pub(crate) const fn size<T>() -> u32 {
    size_of::<T>() as u32
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            type Word = $type;
            #[inline(always)]
            fn into_word(self) -> $type {
                self
            }
            #[inline(always)]
            fn from_word(word: $type) -> $type {
                word
            }
        }
    )*};
}

macro_rules! float {
    ($($type:ty: $word:ty),*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            type Word = $word;
            #[inline(always)]
            fn into_word(self) -> $word {
                self.to_bits()
            }
            #[inline(always)]
            fn from_word(word: $word) -> $type {
                <$type>::from_bits(word)
            }
        }
    )*};
}

integer!(u8, u16, u32);
float!(f32: u32, f64: u64);

impl Element32 for u32 {}
impl Element32 for f32 {}
