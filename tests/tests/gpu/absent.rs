//! What can be said without a GPU: errors name what is missing, and `Backend::Auto` works everywhere.

use fastssim::cuda::{Device, devices};
use fastssim::{Backend, CudaError, Error, Ssim};
use fastssim_tests::images::Scene;
use fastssim_tests::skipped;

fn with_backend(backend: Backend) -> fastssim::Result<Ssim> {
    Ssim::builder().backend(backend).build()
}

#[test]
fn gpu_missing_is_an_error_that_says_so() {
    let error = match devices() {
        Ok(devices) => {
            skipped(&format!("there are devices: {devices:?}"));
            return;
        }
        Err(error) => error,
    };
    let Error::Cuda(missing) = &error else {
        panic!("{error}");
    };
    assert!(
        matches!(missing, CudaError::NoDriver { .. } | CudaError::NoDevice),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("driver"), "{text}");
    // The same from everywhere, and every time.
    for index in [0, 0, 7, usize::MAX] {
        assert_eq!(Device::new(index).map(|_| ()), Err(error.clone()));
        let built = with_backend(Backend::Cuda { device: index });
        assert_eq!(built.map(|_| ()), Err(error.clone()));
    }
}

#[test]
fn gpu_auto_is_the_cpu_where_no_gpu_works() {
    if Device::new(0).is_ok() {
        return skipped("there is a GPU that works");
    }
    let (auto, cpu) = (Ssim::default(), with_backend(Backend::Cpu).expect("always there"));
    assert_eq!((auto.backend(), cpu.backend()), (Backend::Cpu, Backend::Cpu));
    let [x, y] = Scene::Distorted.batches::<u8>([2, 3, 40, 50], 1);
    assert_eq!(auto.ssim_with_gradient(&x, &y), cpu.ssim_with_gradient(&x, &y));
    assert_eq!(auto.ssim_map(&x, &y), cpu.ssim_map(&x, &y));
}

#[test]
fn gpu_windows_have_a_limit() {
    let backend = Backend::Cuda { device: 0 };
    let error = Ssim::builder()
        .window(35)
        .backend(backend)
        .build()
        .expect_err("too large");
    assert_eq!(
        error.to_string(),
        "a window of 35 pixels: the CUDA backend supports windows of at most 33 pixels"
    );
    // The processor does it.
    let auto = Ssim::builder().window(35).build().expect("valid");
    assert_eq!(auto.backend(), Backend::Cpu);
    let [x, y] = Scene::Distorted.batches::<u8>([1, 1, 40, 50], 1);
    assert!(auto.ssim(&x, &y).expect("valid input")[0] < 1.0);
}

#[test]
fn f64_pixels_are_computed_in_double_precision_everywhere() {
    let [x, y] = Scene::Distorted.batches::<f64>([1, 2, 30, 40], 1);
    let cpu = with_backend(Backend::Cpu).expect("always there");
    let [auto, cpu] = [Ssim::default(), cpu].map(|metric| metric.ssim(&x, &y).expect("valid input")[0]);
    assert!((auto - cpu).abs() < 1e-11, "{auto} {cpu}");
}

#[test]
fn backends_have_names() {
    let names = [Backend::Auto, Backend::Cpu, Backend::Cuda { device: 3 }].map(|backend| backend.to_string());
    assert_eq!(names, ["auto", "cpu", "cuda:3"]);
}
