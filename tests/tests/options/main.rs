//! Every option against the reference: one by one and in pairs, then at random; what calls return; presets; references that
//! are compared with many, and running sums; errors.

mod each;
mod errors;
mod outputs;
mod presets;
mod random;
mod streaming;

use fastssim::{Backend, Padding};
use fastssim_tests::images::{Element, Scene};
use fastssim_tests::options::{Limits, Options};
use ndarray::Array4;

const PADDINGS: [Padding; 5] = [
    Padding::Zero,
    Padding::Valid,
    Padding::Symmetric,
    Padding::Reflect,
    Padding::Replicate,
];

/// Gaussians, a box and weights of a caller's own, from the smallest to the largest.
fn windows() -> Vec<(usize, f64, Option<Vec<f64>>)> {
    vec![
        (1, 1.5, None),
        (3, 0.6, None),
        (11, 1.5, None),
        (11, 1.5, Some(vec![1.0; 11])),
        (7, 0.0, Some(vec![1.0; 7])),
        (5, 0.0, Some(vec![1.0, 0.0, 3.0, 0.0, 1.0])),
        (17, 3.0, None),
        (33, 5.5, None),
    ]
}

/// The CPU computes small images in double precision, whatever their type; outputs may be of single precision.
fn limits<T: Element>() -> Limits {
    if T::DOUBLE {
        Limits {
            score: 1e-12,
            gradient: 1e-11,
            map: 1e-12,
        }
    } else {
        Limits {
            score: 1e-12,
            // The edges' parts are added up in single precision.
            gradient: 2e-6,
            map: 1e-7,
        }
    }
}

fn check<T: Element, U: Element>(options: &Options, scene: Scene, shape: [usize; 4], limits: Limits) {
    let [x, y] = batch::<T, U>(scene, shape);
    options
        .compare(Backend::Cpu, x.0.view(), y.1.view(), limits)
        .unwrap_or_else(|wrong| panic!("{scene:?} {wrong}"));
}

/// Two batches, as numbers of each type.
fn batch<T: Element, U: Element>(scene: Scene, [n, c, h, w]: [usize; 4]) -> [(Array4<T>, Array4<U>); 2] {
    let mut batches = [(); 2].map(|()| Array4::<f64>::zeros((n, c, h, w)));
    for image in 0..n {
        for channel in 0..c {
            let planes = scene.planes(h, w, (image * c + channel) as u64);
            for (batch, plane) in batches.iter_mut().zip(planes) {
                batch.slice_mut(ndarray::s![image, channel, .., ..]).assign(&plane);
            }
        }
    }
    batches.map(|batch| (batch.mapv(T::from_unit), batch.mapv(U::from_unit)))
}
