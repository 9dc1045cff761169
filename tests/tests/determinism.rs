//! The same bits for any number of threads, in every run, and alone as in a batch.

use fastssim::{Backend, Padding, Ssim};
use fastssim_tests::images::{Element, Scene};
use ndarray::{Array4, Axis, s};
use rayon::ThreadPoolBuilder;

/// All results of one problem.
#[derive(Debug, PartialEq)]
struct Results<R> {
    scores: Vec<f64>,
    dssim: Vec<f64>,
    with_gradient: Vec<f64>,
    gradient: Array4<R>,
    map: Array4<R>,
}

fn results<T: Element>(metric: &Ssim, x: &Array4<T>, y: &Array4<T>) -> Results<T::Real> {
    let (with_gradient, gradient) = metric.ssim_with_gradient(x, y).expect("valid input");
    Results {
        scores: metric.ssim(x, y).expect("valid input"),
        dssim: metric.dssim(x, y).expect("valid input"),
        with_gradient,
        gradient,
        map: metric.ssim_map(x, y).expect("valid input"),
    }
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads can be started");
    pool.install(work)
}

fn check<T: Element>(shape: [usize; 4]) {
    let [x, y] = Scene::Distorted.batches::<T>(shape, 21);
    for padding in [Padding::Zero, Padding::Valid] {
        let metric = Ssim::builder()
            .padding(padding)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        let expected = results(&metric, &x, &y);
        // No NaN: it would compare unequal to itself and hide a difference to nothing.
        assert!(expected.scores.iter().all(|score| score.is_finite()));
        for threads in [1, 2, 3, 7] {
            for _ in 0..2 {
                let found = on_threads(threads, || results(&metric, &x, &y));
                assert!(found == expected, "{threads} threads, {padding}, {shape:?}");
            }
        }
    }
}

#[test]
fn one_large_image_f32() {
    check::<f32>([1, 1, 700, 1300]);
}

#[test]
fn one_large_image_u8() {
    check::<u8>([1, 1, 700, 1300]);
}

#[test]
fn one_large_image_f64() {
    check::<f64>([1, 1, 700, 1300]);
}

#[test]
fn batches_and_channels() {
    check::<f32>([5, 3, 130, 190]);
    check::<u16>([3, 2, 97, 600]);
}

#[test]
fn other_windows() {
    let [x, y] = Scene::Distorted.batches::<f32>([1, 1, 300, 700], 22);
    for window in [1, 3, 7, 17, 33] {
        let metric = Ssim::builder()
            .window(window)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        let expected = on_threads(1, || results(&metric, &x, &y));
        for threads in [2, 3, 7] {
            assert!(
                on_threads(threads, || results(&metric, &x, &y)) == expected,
                "{window} {threads}"
            );
        }
    }
}

#[test]
fn an_image_alone_as_in_a_batch() {
    let [x, y] = Scene::Distorted.batches::<f32>([3, 3, 300, 520], 23);
    let metric = Ssim::builder().backend(Backend::Cpu).build().expect("valid");
    let all = results(&metric, &x, &y);
    for image in 0..3 {
        let only = s![image..image + 1, .., .., ..];
        let alone = results(&metric, &x.slice(only).to_owned(), &y.slice(only).to_owned());
        assert_eq!(alone.scores, all.scores[image..=image]);
        assert_eq!(alone.dssim, all.dssim[image..=image]);
        assert_eq!(alone.with_gradient, all.with_gradient[image..=image]);
        assert_eq!(alone.gradient, all.gradient.slice(only));
        assert_eq!(alone.map, all.map.slice(only));
        // Three dimensions instead of four.
        let (x, y) = (x.index_axis(Axis(0), image), y.index_axis(Axis(0), image));
        assert_eq!(metric.ssim(x, y), Ok(all.scores[image]));
    }
}

/// From many threads at once, each with its own problem.
#[test]
fn calls_at_the_same_time() {
    let metric = Ssim::builder().backend(Backend::Cpu).build().expect("valid");
    let problems: Vec<_> = (0..8)
        .map(|seed| Scene::Distorted.batches::<f32>([1, 1, 150, 40 + 60 * seed as usize], seed))
        .collect();
    let expected: Vec<_> = problems.iter().map(|[x, y]| results(&metric, x, y)).collect();
    std::thread::scope(|scope| {
        for ([x, y], expected) in problems.iter().zip(&expected) {
            let metric = &metric;
            scope.spawn(move || {
                for _ in 0..5 {
                    assert!(results(metric, x, y) == *expected);
                }
            });
        }
    });
}
