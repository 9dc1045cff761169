//! Every option against the reference: one by one and in pairs, then at random; what calls return; presets; references that
//! are compared with many, and running sums; errors.

mod each;
mod errors;
mod outputs;
mod presets;
mod random;
mod streaming;

use fastssim::Backend;
use fastssim_tests::general::Stored;
use fastssim_tests::images::Scene;
use fastssim_tests::options::{Limits, Options};
use fastssim_tests::suite::batch;

/// Compares the CPU with the reference.
fn check<T: Stored, U: Stored>(options: &Options, scene: Scene, shape: [usize; 4], limits: Limits) {
    let [x, y] = batch::<T, U>(scene, shape);
    options
        .compare(Backend::Cpu, x.0.view(), y.1.view(), limits)
        .unwrap_or_else(|wrong| panic!("{scene:?} {wrong}"));
}
