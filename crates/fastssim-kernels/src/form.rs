//! How a pixel stands in memory, and the fast kernels for pixels of that form.
//!
//! Their PTX is the same but for where it reads a pixel and where it makes a number of it: so there is one text, for `f32`, of which
//! the host makes the one for another type before the driver compiles it.

use alloc::string::String;

/// An element type of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Bytes.
    U8,
    /// Words of 16 bits.
    U16,
    /// IEEE's binary16.
    F16,
    /// The upper half of an `f32`.
    Bf16,
    /// IEEE's binary32.
    F32,
}

/// How the device layer reads a pixel, up to the register, and makes a number of it.
const LOAD: &str = "ld.global.nc.b32 pixel,";
const NUMBER: &str = "mov.b32 number, pixel;";

/// What integers are below 2²³: the last bits of 2²³, where they count ones. The device's own conversion has a quarter of the speed.
const INTEGER: &str = "or.b32 pixel, pixel, 0x4B000000; mov.b32 number, pixel; sub.rn.f32 number, number, 0f4B000000;";

impl Form {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::U8, Self::U16, Self::F16, Self::Bf16, Self::F32];

    /// As Rust has it, `half` included.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
        }
    }

    /// Bytes of a pixel.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
        }
    }

    /// The PTX of the fast kernels for pixels of this form, of that for `f32`.
    pub fn of(self, ptx: &str) -> String {
        let (load, number) = match self {
            Self::U8 => ("ld.global.nc.u8 pixel,", INTEGER),
            Self::U16 => ("ld.global.nc.u16 pixel,", INTEGER),
            Self::F16 => (
                "ld.global.nc.u16 pixel,",
                ".reg .b16 half; cvt.u16.u32 half, pixel; cvt.f32.f16 number, half;",
            ),
            Self::Bf16 => (
                "ld.global.nc.u16 pixel,",
                "shl.b32 pixel, pixel, 16; mov.b32 number, pixel;",
            ),
            Self::F32 => (LOAD, NUMBER),
        };
        ptx.replace(LOAD, load).replace(NUMBER, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pixels_become_others() {
        let ptx = "{ .reg .b32 pixel; ld.global.nc.b32 pixel, [%rd1]; mov.b32 %r1, pixel; }\nld.global.nc.b32 %r2, [%rd2];\n\
            { .reg .b32 pixel; .reg .f32 number; mov.b32 pixel, %r1; mov.b32 number, pixel; mov.b32 %r3, number; }";
        assert_eq!(Form::F32.of(ptx), ptx);
        let expected = "{ .reg .b32 pixel; ld.global.nc.u16 pixel, [%rd1]; mov.b32 %r1, pixel; }\nld.global.nc.b32 %r2, [%rd2];\n\
            { .reg .b32 pixel; .reg .f32 number; mov.b32 pixel, %r1; shl.b32 pixel, pixel, 16; mov.b32 number, pixel; \
            mov.b32 %r3, number; }";
        assert_eq!(Form::Bf16.of(ptx), expected);
    }
}
