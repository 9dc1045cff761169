//! On a GPU the functions that write to device memory allocate nothing once they are warm, neither there nor on the
//! host. A program of its own with one test, since the device's free memory is everybody's.

use allocation_counter::measure;
use fastssim::cuda::{DeviceImages, DeviceScores, PinnedImages, Stream};
use fastssim::{Padding, Ssim};
use fastssim_tests::first_gpu;
use fastssim_tests::images::Scene;

#[test]
fn gpu_the_steady_state_allocates_nothing() {
    let Some(device) = first_gpu() else { return };
    let stream = Stream::new(&device).expect("a stream");
    let [mut x, y] = Scene::Distorted
        .batches::<u8>([4, 3, 200, 300], 2)
        .map(|images| DeviceImages::<u8>::upload(&stream, &images).expect("there is memory"));
    let mut pinned = PinnedImages::<u8>::new(&device, x.shape()).expect("there is memory");
    let mut scores = DeviceScores::new(&device, 4).expect("there is memory");
    let mut gradient = DeviceImages::<f32>::new(&device, x.shape()).expect("there is memory");
    let mut map = DeviceImages::<f32>::new(&device, x.shape()).expect("there is memory");
    let metric = Ssim::default();
    let mirrored = Ssim::builder().padding(Padding::Reflect);
    // The second has kernels of its own.
    let others = [mirrored.clone(), mirrored.window(13)].map(|builder| builder.build().expect("valid"));
    let mut step = || {
        for other in &others {
            let on = other.on(&stream);
            on.dssim_with_gradient_into(&x, &y, &mut scores, &mut gradient)
                .and_then(|()| on.ssim_map_into(&x, &y, &mut map))
                .expect("valid input");
        }
        let on = metric.on(&stream);
        x.copy_from_pinned(&stream, &mut pinned)
            .and_then(|()| on.ssim_into(&x, &y, &mut scores))
            .and_then(|()| on.dssim_with_gradient_into(&x, &y, &mut scores, &mut gradient))
            .and_then(|()| on.ssim_gradient_into(&x, &y, &mut gradient))
            .and_then(|()| on.ssim_map_into(&x, &y, &mut map))
            .expect("valid input");
    };
    step();
    stream.synchronize().expect("it works");
    let (before, _) = device.memory().expect("it works");
    let on_host = measure(|| (0..20).for_each(|_| step()));
    stream.synchronize().expect("it works");
    let (after, _) = device.memory().expect("it works");
    assert_eq!(on_host.count_total, 0);
    // Other processes may have freed theirs.
    assert!(after >= before, "free before {before}, after {after}");
}
