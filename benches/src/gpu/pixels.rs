//! Random images, and the processor's opinion of them.

use anyhow::{Result, ensure};
use fastssim::cuda::DevicePixel;
use fastssim::{Backend, Padding, Ssim};
use half::{bf16, f16};
use ndarray::Array4;

/// Elements that random images are made of.
pub trait Random: DevicePixel {
    fn from_bits(bits: u32) -> Self;
}

impl Random for f32 {
    fn from_bits(bits: u32) -> Self {
        (bits >> 8) as f32 / (1 << 24) as f32
    }
}

impl Random for f64 {
    fn from_bits(bits: u32) -> Self {
        f64::from(bits) / f64::from(u32::MAX)
    }
}

impl Random for f16 {
    fn from_bits(bits: u32) -> Self {
        Self::from_f32(<f32 as Random>::from_bits(bits))
    }
}

impl Random for bf16 {
    fn from_bits(bits: u32) -> Self {
        Self::from_f32(<f32 as Random>::from_bits(bits))
    }
}

impl Random for u16 {
    fn from_bits(bits: u32) -> Self {
        (bits >> 16) as u16
    }
}

impl Random for u8 {
    fn from_bits(bits: u32) -> Self {
        (bits >> 24) as u8
    }
}

/// Noise, of a small generator (PCG without its output function).
pub fn noise<T: Random>(shape: [usize; 4], seed: u64) -> Array4<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Array4::from_shape_simple_fn(shape, || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        T::from_bits((state >> 32) as u32)
    })
}

/// That the device's scores are the processor's, before any time counts.
pub fn check<T: DevicePixel>(padding: Padding, found: &[f64], x: &Array4<T>, y: &Array4<T>) -> Result<()> {
    let cpu = Ssim::builder().padding(padding).backend(Backend::Cpu).build()?;
    let expected: Vec<f64> = cpu.ssim(x, y)?;
    ensure!(found.len() == expected.len(), "{} scores", found.len());
    for (found, expected) in found.iter().zip(&expected) {
        ensure!(
            (found - expected).abs() < 1e-6,
            "the device says {found}, the processor {expected}"
        );
    }
    Ok(())
}
