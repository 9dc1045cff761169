//! A kernel that crashes: what the handles say from then on, and that the process lives on and ends well.
//!
//! After it the driver refuses all work of the process on the device, so it happens in a process of its own: this
//! test's program, which starts itself again.

use std::process::Command;
use std::ptr;

use fastssim::cuda::{Device, DeviceImages, DeviceScores, Event, PinnedImages, Stream};
use fastssim::{Backend, CudaError, Error, Ssim};
use fastssim_tests::images::Scene;
use ndarray::Array4;

use crate::{gpu, upload};

/// Set in the process that is to have the fault.
const CHILD: &str = "FASTSSIM_TEST_FAULT";
/// What that process prints when it has come to the end.
const DONE: &str = "all handles report the fault";

#[test]
fn gpu_after_a_fault_every_call_says_so() {
    if std::env::var_os(CHILD).is_some() {
        have_a_fault();
        return println!("{DONE}");
    }
    if gpu().is_none() {
        return;
    }
    let program = std::env::current_exe().expect("this program has a file");
    let output = Command::new(program)
        .args(["fault::gpu_after_a_fault_every_call_says_so", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("it starts again");
    let [text, messages] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    // Its exit code tells of drops that crash, then and when the process ends.
    assert!(output.status.success(), "{}\n{text}\n{messages}", output.status);
    assert!(text.contains(DONE), "{text}\n{messages}");
}

fn is_fault<T>(result: fastssim::Result<T>) -> bool {
    matches!(result, Err(Error::Cuda(CudaError::Fault { device: 0, .. })))
}

fn have_a_fault() {
    let device = Device::new(0).expect("there is a GPU");
    let stream = Stream::new(&device).expect("a stream");
    let other = Stream::new(&device).expect("a stream");
    let event = Event::new(&device).expect("an event");
    let pair = Scene::Distorted.batches::<f32>([1, 1, 60, 80], 12);
    let [x, y] = upload(&stream, &pair);
    let mut images = DeviceImages::<f32>::zeros(&stream, x.shape()).expect("there is memory");
    let mut scores = DeviceScores::new(&device, 1).expect("there is memory");
    let mut pinned = PinnedImages::<f32>::new(&device, x.shape()).expect("there is memory");
    let [auto, on_cpu, on_gpu] = [Backend::Auto, Backend::Cpu, Backend::Cuda { device: 0 }].map(|backend| {
        let metric = Ssim::builder().backend(backend).build();
        metric.expect("a backend that works")
    });
    let expected = on_cpu.ssim_with_gradient(&pair[0], &pair[1]).expect("valid input");
    // All are in use when it happens, those of host images as well.
    on_gpu.on(&other).ssim_into(&x, &y, &mut scores).expect("valid input");
    on_gpu.ssim(&pair[0], &pair[1]).expect("valid input");
    auto.ssim_with_gradient(&pair[0], &pair[1]).expect("valid input");

    let nowhere = ptr::without_provenance_mut(1 << 20);
    // SAFETY: a promise that is broken, on purpose: nothing is there, so that the kernel crashes when it reads. Only
    // the device ever follows the pointer, which has memory of its own.
    let bad = unsafe { DeviceImages::<f32>::from_raw(&device, nowhere, x.shape(), x.strides()) };
    let bad = bad.expect("nobody looks at what is there");
    let on = on_gpu.on(&stream);
    let error = on.ssim(&bad, &y).expect_err("there is no such memory");
    assert!(
        matches!(error, Error::Cuda(CudaError::Fault { device: 0, .. })),
        "{error}"
    );

    // The same from everywhere, and every time.
    for _ in 0..3 {
        assert_eq!(on.ssim(&x, &y), Err(error.clone()));
        assert_eq!(Device::new(0).map(|_| ()), Err(error.clone()));
        assert_eq!(stream.synchronize(), Err(error.clone()));
        assert!(is_fault(device.memory()));
        assert!(is_fault(Stream::new(&device)));
        assert!(is_fault(other.synchronize()));
        assert!(is_fault(stream.wait_for(&other)));
        assert!(is_fault(Event::new(&device)));
        assert!(is_fault(stream.record(&event)));
        assert!(is_fault(event.elapsed_since(&event)));
        assert!(is_fault(DeviceImages::<u8>::new(&device, [1, 1, 2, 3])));
        assert!(is_fault(DeviceImages::<u8>::zeros(&stream, [1, 1, 2, 3])));
        assert!(is_fault(DeviceImages::<f32>::upload(&stream, &pair[0])));
        assert!(is_fault(images.copy_from(&stream, &pair[0])));
        assert!(is_fault(images.copy_from_device(&stream, &x)));
        assert!(is_fault(images.download(&stream)));
        assert!(is_fault(images.copy_from_pinned(&stream, &mut pinned)));
        assert!(is_fault(images.copy_to_pinned(&stream, &mut pinned)));
        assert!(is_fault(pinned.view().map(|_| ())));
        assert!(is_fault(pinned.view_mut().map(|_| ())));
        assert!(is_fault(PinnedImages::<u8>::new(&device, [1, 1, 2, 3])));
        assert!(is_fault(device.make_current()));
        assert!(is_fault(DeviceScores::new(&device, 1)));
        assert!(is_fault(scores.download(&other)));
        assert!(is_fault(on_gpu.on(&other).ssim_into(&x, &y, &mut scores)));
        assert!(is_fault(on.ssim_map_into(&x, &y, &mut images)));
        assert!(is_fault(on_gpu.ssim(&pair[0], &pair[1])));
        assert!(is_fault(Ssim::builder().backend(Backend::Cuda { device: 0 }).build()));

        // The processor does it.
        assert_eq!(auto.backend(), Backend::Cpu);
        assert_eq!(auto.ssim_with_gradient(&pair[0], &pair[1]).as_ref(), Ok(&expected));
        let map: fastssim::Result<Array4<f32>> = auto.ssim_map(&pair[0], &pair[1]);
        assert_eq!(map, on_cpu.ssim_map(&pair[0], &pair[1]));
    }
    // All handles are dropped here.
}
