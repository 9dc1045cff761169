//! The CPU backend over sizes, element types and work.
//!
//! `cargo bench -p fastssim-benches`; on one thread: with `RAYON_NUM_THREADS=1` before it; one
//! group alone: with `-- 1920x1080` behind it.
#![allow(missing_docs, reason = "criterion's macros expand to undocumented functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fastssim::{Backend, Padding, Preset, Reference, Ssim};
use half::f16;
use ndarray::{Array2, Array3, Array4};

const SIZES: [(usize, usize); 4] = [(3840, 2160), (1920, 1080), (256, 256), (32, 32)];

/// A smooth pattern with texture, from 0 to 255, and a distorted version of it.
fn pair(width: usize, height: usize) -> (Array2<u8>, Array2<u8>) {
    let x = Array2::from_shape_fn((height, width), |(i, j)| {
        let smooth = 60.0 * (j as f64 / 37.0).sin() + 40.0 * (i as f64 / 23.0).cos();
        (128.0 + smooth + (i * 7 + j * 13 + i * j) as f64 % 19.0) as u8
    });
    let y = x.mapv(|value| value ^ 5);
    // A benchmark of wrong numbers is worth nothing.
    let score = fastssim::ssim(&x, &y).expect("a valid pair");
    assert!(score > 0.5 && score < 1.0, "{score}");
    (x, y)
}

fn unit(image: &Array2<u8>) -> Array2<f32> {
    image.mapv(|value| f32::from(value) / 255.0)
}

/// The processor, even where there is a GPU.
fn cpu() -> Ssim {
    let metric = Ssim::builder().backend(Backend::Cpu).build();
    metric.expect("the defaults are valid")
}

fn sizes(criterion: &mut Criterion) {
    let metric = cpu();
    for (width, height) in SIZES {
        let (x, y) = pair(width, height);
        let (xf, yf) = (unit(&x), unit(&y));
        let mut scores = [0.0];
        let mut out = Array2::zeros(x.dim());
        let mut group = criterion.benchmark_group(format!("{width}x{height}"));
        group.throughput(Throughput::Elements((width * height) as u64));
        group.bench_function("forward u8", |b| b.iter(|| metric.ssim(black_box(&x), &y)));
        group.bench_function("forward f32", |b| b.iter(|| metric.ssim(black_box(&xf), &yf)));
        group.bench_function("gradient f32", |b| {
            b.iter(|| metric.ssim_with_gradient_into(black_box(&xf), &yf, &mut scores, out.view_mut()));
        });
        group.bench_function("map f32", |b| {
            b.iter(|| metric.ssim_map_into(black_box(&xf), &yf, out.view_mut()));
        });
        group.finish();
    }
}

fn inputs(criterion: &mut Criterion) {
    let metric = cpu();
    let (x, y) = pair(1920, 1080);
    let mut group = criterion.benchmark_group("inputs 1920x1080");
    group.throughput(Throughput::Elements(3 * x.len() as u64));
    let rgb = |image: &Array2<u8>| Array3::from_shape_fn((1080, 1920, 3), |(i, j, c)| image[[i, (j + c) % 1920]]);
    let (rgb_x, rgb_y) = (rgb(&x), rgb(&y));
    let (planes_x, planes_y) = (
        rgb_x.view().permuted_axes([2, 0, 1]),
        rgb_y.view().permuted_axes([2, 0, 1]),
    );
    group.bench_function(BenchmarkId::new("rgb u8", "interleaved"), |b| {
        b.iter(|| metric.ssim(planes_x, planes_y))
    });
    let (copy_x, copy_y) = (planes_x.as_standard_layout(), planes_y.as_standard_layout());
    group.bench_function(BenchmarkId::new("rgb u8", "planar"), |b| {
        b.iter(|| metric.ssim(&copy_x, &copy_y))
    });
    group.finish();

    let batch = Array4::from_shape_fn((32, 3, 256, 256), |(n, c, i, j)| x[[i + n, j + c]]);
    let other = Array4::from_shape_fn((32, 3, 256, 256), |(n, c, i, j)| y[[i + n, j + c]]);
    let mut group = criterion.benchmark_group("batch 32x3x256x256");
    group.throughput(Throughput::Elements(batch.len() as u64));
    group.bench_function("forward u8", |b| b.iter(|| metric.ssim(&batch, &other)));
    group.finish();
}

/// One original and many candidates: plain calls beside a reference.
fn references(criterion: &mut Criterion) {
    let (x, y) = pair(1920, 1080);
    let reference = Reference::new(&y).expect("it has pixels");
    let smaller = Ssim::preset(Preset::Matlab).backend(Backend::Cpu).build();
    for (name, metric) in [("default", cpu()), ("matlab", smaller.expect("a preset is valid"))] {
        let mut group = criterion.benchmark_group(format!("references 1920x1080 {name}"));
        group.throughput(Throughput::Elements(x.len() as u64));
        assert_eq!(metric.ssim(&x, &reference), metric.ssim(&x, &y));
        group.bench_function("plain", |b| b.iter(|| metric.ssim(black_box(&x), &y)));
        group.bench_function("reference", |b| b.iter(|| metric.ssim(black_box(&x), &reference)));
        group.finish();
    }
}

/// Windows of other sizes, which take time in proportion to their taps.
fn windows(criterion: &mut Criterion) {
    let (x, y) = pair(1920, 1080);
    let (x, y) = (unit(&x), unit(&y));
    let mut scores = [0.0];
    let mut out = Array2::zeros(x.dim());
    let mut group = criterion.benchmark_group("windows 1920x1080 f32");
    group.throughput(Throughput::Elements(x.len() as u64));
    for size in [3, 7, 11, 13, 17, 25, 33] {
        let metric = Ssim::builder().backend(Backend::Cpu).window(size).build().expect("odd");
        group.bench_function(BenchmarkId::new("forward", size), |b| {
            b.iter(|| metric.ssim(black_box(&x), &y));
        });
        group.bench_function(BenchmarkId::new("gradient", size), |b| {
            b.iter(|| metric.ssim_with_gradient_into(black_box(&x), &y, &mut scores, out.view_mut()));
        });
    }
    group.finish();
}

/// What each option adds to the defaults.
fn options(criterion: &mut Criterion) {
    let (x, y) = pair(1920, 1080);
    let mask = x.mapv(|value| value % 2);
    let (x, y) = (unit(&x), unit(&y));
    let builder = || Ssim::builder().backend(Backend::Cpu);
    let metrics = [
        ("defaults", builder()),
        ("valid", builder().padding(Padding::Valid)),
        ("symmetric", builder().padding(Padding::Symmetric)),
        ("reflect", builder().padding(Padding::Reflect)),
        ("replicate", builder().padding(Padding::Replicate)),
        ("uniform 11", builder().uniform_window(11)),
        ("contrast squared", builder().exponents([1.0, 2.0, 1.0])),
        ("channel weights", builder().channel_weights([1.0])),
    ];
    let mut group = criterion.benchmark_group("options 1920x1080 f32");
    group.throughput(Throughput::Elements(x.len() as u64));
    for (name, builder) in metrics {
        let metric = builder.build().expect("valid");
        group.bench_function(BenchmarkId::new("forward", name), |b| {
            b.iter(|| metric.ssim(black_box(&x), &y));
        });
        group.bench_function(BenchmarkId::new("gradient", name), |b| {
            b.iter(|| metric.ssim_gradient(black_box(&x), &y));
        });
    }
    let metric = cpu();
    group.bench_function("forward/mask", |b| {
        b.iter(|| metric.ssim_of(black_box(&x), &y).weights(&mask).images());
    });
    group.bench_function("gradient/both images", |b| {
        b.iter(|| metric.ssim_of(black_box(&x), &y).gradients());
    });
    let (half, other) = (x.mapv(f16::from_f32), y.mapv(f16::from_f32));
    group.bench_function("forward/f16", |b| b.iter(|| metric.ssim(black_box(&half), &other)));
    let (double, other) = (x.mapv(f64::from), y.mapv(f64::from));
    group.bench_function("forward/f64", |b| b.iter(|| metric.ssim(black_box(&double), &other)));
    group.finish();
}

criterion_group!(benches, sizes, inputs, windows, options, references);
criterion_main!(benches);
