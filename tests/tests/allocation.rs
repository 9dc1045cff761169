//! The functions that write into the caller's buffers allocate nothing once they are warm.
//!
//! Linking `allocation-counter` replaces the global allocator of this test by one that counts the
//! allocations of the calling thread, so the work is done on that very thread.

use allocation_counter::measure;
use fastssim::{Backend, Padding, Ssim};
use fastssim_tests::images::{Element, Scene};
use ndarray::{Array, Array4};
use rayon::ThreadPoolBuilder;

/// Allocations of each `_into` function, after a first call.
fn allocations<T: Element>(metric: &Ssim, x: &Array4<T>, y: &Array4<T>) -> [u64; 4] {
    let images = x.dim().0;
    let (mut scores, mut gradient) = (vec![0.0; images], Array::from_elem(x.dim(), T::Real::default()));
    let mut map = metric.ssim_map(x, y).expect("valid input");
    let count = |work: &mut dyn FnMut()| {
        work();
        measure(work).count_total
    };
    [
        count(&mut || metric.ssim_into(x, y, &mut scores).expect("valid input")),
        count(&mut || metric.dssim_into(x, y, &mut scores).expect("valid input")),
        count(&mut || {
            metric
                .ssim_with_gradient_into(x, y, &mut scores, gradient.view_mut())
                .expect("valid input");
        }),
        count(&mut || metric.ssim_map_into(x, y, map.view_mut()).expect("valid input")),
    ]
}

fn check<T: Element>(shape: [usize; 4]) {
    let [x, y] = Scene::Distorted.batches::<T>(shape, 5);
    for padding in [Padding::Zero, Padding::Valid] {
        for window in [7, 11] {
            let metric = Ssim::builder()
                .padding(padding)
                .window(window)
                .backend(Backend::Cpu)
                .build()
                .expect("valid");
            assert_eq!(allocations(&metric, &x, &y), [0; 4], "{shape:?} {padding} {window}");
        }
    }
}

#[test]
fn small_images_on_the_calling_thread() {
    for shape in [[1, 1, 11, 11], [1, 1, 64, 100], [3, 1, 20, 30]] {
        check::<u8>(shape);
        check::<u16>(shape);
        check::<f32>(shape);
        check::<f64>(shape);
    }
}

#[test]
fn large_images_in_a_pool_of_one_thread() {
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a thread can be started");
    pool.install(|| {
        for shape in [[1, 1, 700, 600], [2, 3, 150, 200]] {
            check::<u8>(shape);
            check::<f32>(shape);
            check::<f64>(shape);
        }
    });
}

/// The counter counts.
#[test]
fn the_functions_that_return_arrays_allocate() {
    let [x, y] = Scene::Distorted.batches::<f32>([1, 1, 30, 40], 5);
    let counted = measure(|| {
        fastssim::ssim_with_gradient(&x, &y).expect("valid input");
    });
    assert!(counted.count_total >= 2, "{counted:?}");
}
