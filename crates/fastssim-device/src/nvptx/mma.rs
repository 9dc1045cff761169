//! Matrix products for `nvptx64`, from sm_80 on.
//!
//! Not `pure`: the lanes must execute a product together, so the compiler must not sink it.

use core::arch::asm;

#[inline(always)]
pub fn m16n8k16_f16(a: [u32; 4], b: [u32; 2], c: [f32; 4]) -> [f32; 4] {
    let (d0, d1, d2, d3): (f32, f32, f32, f32);
    // SAFETY: arithmetic between registers; a missing lane hangs the warp, no more.
    unsafe {
        asm!(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 \
             {{{}, {}, {}, {}}}, {{{}, {}, {}, {}}}, {{{}, {}}}, {{{}, {}, {}, {}}};",
            out(reg32) d0, out(reg32) d1, out(reg32) d2, out(reg32) d3,
            in(reg32) a[0], in(reg32) a[1], in(reg32) a[2], in(reg32) a[3],
            in(reg32) b[0], in(reg32) b[1],
            in(reg32) c[0], in(reg32) c[1], in(reg32) c[2], in(reg32) c[3],
            options(nomem, nostack)
        )
    };
    [d0, d1, d2, d3]
}

#[inline(always)]
pub fn m16n8k8_f16(a: [u32; 2], b: u32, c: [f32; 4]) -> [f32; 4] {
    let (d0, d1, d2, d3): (f32, f32, f32, f32);
    // SAFETY: as above.
    unsafe {
        asm!(
            "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 \
             {{{}, {}, {}, {}}}, {{{}, {}}}, {{{}}}, {{{}, {}, {}, {}}};",
            out(reg32) d0, out(reg32) d1, out(reg32) d2, out(reg32) d3,
            in(reg32) a[0], in(reg32) a[1], in(reg32) b,
            in(reg32) c[0], in(reg32) c[1], in(reg32) c[2], in(reg32) c[3],
            options(nomem, nostack)
        )
    };
    [d0, d1, d2, d3]
}

#[inline(always)]
pub fn pack_f16x2(low: f32, high: f32) -> u32 {
    let pair: u32;
    // SAFETY: arithmetic between registers.
    unsafe {
        asm!("cvt.rn.f16x2.f32 {}, {}, {};", out(reg32) pair, in(reg32) high, in(reg32) low,
            options(pure, nomem, nostack))
    };
    pair
}

#[inline(always)]
pub fn unpack_f16x2(pair: u32) -> [f32; 2] {
    let (low, high): (f32, f32);
    // SAFETY: arithmetic between registers.
    unsafe {
        asm!(
            "{{ .reg .b16 %low, %high; mov.b32 {{%low, %high}}, {2}; cvt.f32.f16 {0}, %low; cvt.f32.f16 {1}, %high; }}",
            out(reg32) low, out(reg32) high, in(reg32) pair, options(pure, nomem, nostack)
        )
    };
    [low, high]
}
