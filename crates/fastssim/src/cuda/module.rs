//! The kernels of a device, launched by their place in tables. Most of the general ones are compiled when the device is opened, those of
//! single precision, and the fast ones of an element type, when a call first needs one of them: the driver takes a second or so for each
//! of these groups, if it does not find it among those that it has compiled before.

use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, OnceLock};

use fastssim_kernels::form::Form;
use fastssim_kernels::general;
use fastssim_kernels::general::geometry::{Precision, Resizing};
use fastssim_kernels::general::params::{Accumulate, Resize};
use fastssim_kernels::general::single;
use fastssim_kernels::geometry::{self, Launch, MOST_TAPS, March, TAPS, Way, Work};
use fastssim_kernels::params::Params;

use super::device::{Current, Device};
use super::driver::check;
use super::ptx;
use super::stream::{lock, refuse_capture};
use super::sys::{self, CUfunction, CUstream};
use crate::CudaError;

/// The fast entry points by [`place`]; those for images that continue beyond their edges begin with `continued_`.
const FAST: [&str; 8] = [
    "score",
    "map",
    "gradient",
    "gradients",
    "patch_score",
    "patch_map",
    "patch_gradient",
    "patch_gradients",
];

/// How many sizes of windows have kernels of their own: the odd numbers after [`TAPS`].
const WIDE: usize = (MOST_TAPS - TAPS) / 2;

/// Fast entry points for such a window: those that march, by [`place`].
const OF_WIDE: usize = 4;

/// Fast entry points of patches for all such windows that have some: of one gradient, and of both.
const WIDE_PATCHES: [&str; 2] = ["wide_patch_gradient", "wide_patch_gradients"];

/// The general entry points of single precision by [`single_place`].
const SINGLE: [&str; 4] = [
    "general_windows_f32",
    "general_derivatives_f32",
    "general_adjoint_f32",
    "general_adjoints_f32",
];

/// The other general entry points by [`general_place`], those that make images smaller, see [`resize_place`], and the one that adds
/// scores to a running sum.
const GENERAL: [&str; 8] = [
    "general_windows_f64",
    "general_adjoint_f64",
    "general_means",
    "general_weights",
    "general_totals",
    "general_reduce",
    "general_spread",
    "general_accumulate",
];

/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`: of a block.
const MOST_SHARED: c_int = 8;

/// What loads the kernels for a window of more taps: any call the first of them, a gradient in two kernels the second.
const FIRST_OF_SIZE: &str = "the first call of its kind with a window of this size, which loads kernels,";

/// What loads the kernels for small images and any window of more taps.
const FIRST_OF_SMALL: &str =
    "the first gradient of small images with a window of more than eleven pixels, which loads kernels,";

/// The place of the entry point that adds scores to a running sum.
const ACCUMULATE: usize = 7;

/// One of the fast kernels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    pub(super) way: Way,
    pub(super) work: Work,
    pub(super) form: Form,
    /// Taps of the window: [`TAPS`] or more.
    pub(super) taps: u32,
    /// Whether pixels stand beyond the edges, not zeros.
    pub(super) continued: bool,
}

impl Kernel {
    /// The one like this that marches for a work.
    fn march(&self, work: Work) -> March {
        March {
            work,
            above: self.taps - 1,
            is_split: geometry::way(work, self.taps, self.continued) == Way::Split,
            continued: self.continued,
        }
    }
}

/// The place of a fast entry point among those for windows of its size.
fn place(way: Way, work: Work) -> usize {
    let way = match way {
        Way::March | Way::Split => 0,
        Way::Patch => 1,
    };
    let work = match work {
        Work::Score => 0,
        Work::Map => 1,
        Work::Gradient => 2,
        Work::Gradients => 3,
    };
    4 * way + work
}

/// The place of a general entry point of single precision; `None` for works that have no precision.
fn single_place(work: general::geometry::Work) -> Option<usize> {
    use general::geometry::Work;
    match work {
        Work::Windows => Some(0),
        Work::Derivatives => Some(1),
        Work::Adjoint => Some(2),
        Work::Adjoints => Some(3),
        Work::Means | Work::Weights | Work::Totals => None,
    }
}

/// The place of a general entry point of double precision, or of a work that has none.
fn general_place(work: general::geometry::Work) -> usize {
    use general::geometry::Work;
    match work {
        Work::Windows | Work::Derivatives => 0,
        Work::Adjoint | Work::Adjoints => 1,
        Work::Means => 2,
        Work::Weights => 3,
        Work::Totals => 4,
    }
}

/// The place of an entry point that makes images smaller.
fn resize_place(resizing: Resizing) -> usize {
    match resizing {
        Resizing::Reduce => 5,
        Resizing::Spread => 6,
    }
}

/// The fast kernels for an element type, with zeros or with pixels beyond the edges.
#[derive(Default)]
struct Fast {
    /// Those for windows of up to [`TAPS`].
    narrow: OnceLock<[CUfunction; FAST.len()]>,
    /// Those for windows of more, by size.
    wide: [OnceLock<[CUfunction; OF_WIDE]>; WIDE],
    /// Those for gradients of small images with such windows, of all sizes.
    wide_patches: OnceLock<[CUfunction; WIDE_PATCHES.len()]>,
    /// The second kernels of those whose gradients take two, by size, for one gradient and for both.
    adjoints: [[OnceLock<[CUfunction; 1]>; 2]; WIDE],
}

/// The kernels of one device.
pub(super) struct Module {
    /// The PTX of all.
    ptx: &'static str,
    general: [CUfunction; GENERAL.len()],
    single: OnceLock<[CUfunction; SINGLE.len()]>,
    /// Those for zeros beyond the edges and those for pixels there, by element type.
    fast: [[Fast; Form::ALL.len()]; 2],
    /// Held while kernels are loaded, so that no two threads load the same.
    loading: Mutex<()>,
}

impl Module {
    /// Loads the kernels that all have in common into the context that is current.
    pub(super) fn load(compute_capability: (u32, u32), _current: &Current) -> Result<Self, CudaError> {
        let ptx = ptx::of(compute_capability);
        Ok(Self {
            ptx,
            general: functions(ptx, GENERAL.map(str::to_owned), Form::F32)?,
            single: OnceLock::new(),
            fast: Default::default(),
            loading: Mutex::new(()),
        })
    }

    /// Where the fast kernels like this one are kept.
    fn like(&self, kernel: &Kernel) -> &Fast {
        &self.fast[usize::from(kernel.continued)][kernel.form as usize]
    }

    /// A fast kernel. The device's context is current, and the device has it.
    fn fast(&self, device: &Device, kernel: &Kernel, stream: CUstream) -> Result<CUfunction, CudaError> {
        let (place, fast) = (place(kernel.way, kernel.work), self.like(kernel));
        if kernel.taps > TAPS as u32 && kernel.way == Way::Patch {
            let functions = self.once(&fast.wide_patches, (device, stream), FIRST_OF_SMALL, || {
                let functions = functions(self.ptx, WIDE_PATCHES.map(|name| entry(kernel, name)), kernel.form)?;
                for function in functions {
                    allow_shared(function, geometry::MOST_PATCH)?;
                }
                Ok(functions)
            })?;
            return Ok(functions[usize::from(kernel.work == Work::Gradients)]);
        }
        if kernel.taps > TAPS as u32 {
            let functions = self.once(&fast.wide[size(kernel.taps)], (device, stream), FIRST_OF_SIZE, || {
                let functions = functions(self.ptx, wide_names(kernel), kernel.form)?;
                allow_shared_of_marches(&functions, kernel)?;
                Ok(functions)
            })?;
            return Ok(functions[place]);
        }
        let first = if kernel.continued {
            "the first call for an element type with pixels beyond the edges, which loads kernels,"
        } else {
            "the first call for an element type, which loads kernels,"
        };
        let functions = self.once(&fast.narrow, (device, stream), first, || {
            let names = FAST.map(|name| entry(kernel, name));
            let functions = functions(self.ptx, names, kernel.form)?;
            allow_shared_of_marches(&functions, kernel)?;
            Ok(functions)
        })?;
        Ok(functions[place])
    }

    /// The general kernels of single precision. The device's context is current.
    fn single(&self, device: &Device, stream: CUstream) -> Result<&[CUfunction; SINGLE.len()], CudaError> {
        let first = "the first call of general kernels, which loads them,";
        self.once(&self.single, (device, stream), first, || {
            let functions = functions(self.ptx, SINGLE.map(str::to_owned), Form::F32)?;
            for function in functions {
                allow_shared(function, single::most_shared(device.info().compute_capability))?;
            }
            Ok(functions)
        })
    }

    /// Kernels that are loaded by the first call that needs them, which no graph can have in it.
    fn once<'a, const N: usize>(
        &self,
        kernels: &'a OnceLock<[CUfunction; N]>,
        (device, stream): (&Device, CUstream),
        first: &str,
        load: impl FnOnce() -> Result<[CUfunction; N], CudaError>,
    ) -> Result<&'a [CUfunction; N], CudaError> {
        if let Some(functions) = kernels.get() {
            return Ok(functions);
        }
        let _loading = lock(&self.loading);
        if let Some(functions) = kernels.get() {
            return Ok(functions);
        }
        refuse_capture(device, stream, first, "calls like one before")?;
        let functions = load()?;
        Ok(kernels.get_or_init(|| functions))
    }

    /// Puts a kernel into the stream.
    ///
    /// # Safety
    ///
    /// The device's context is current and the stream belongs to it. Every address in `params` is one of the
    /// device's memory, with room for all elements that the shape and the strides reach; what is written is
    /// written by nobody else until the stream has come past, and `counters` are zero when it comes here.
    pub(super) unsafe fn launch(
        &self,
        device: &Device,
        kernel: &Kernel,
        launch: &Launch,
        params: &Params,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, a `Params`; the rest is the caller's promise.
        unsafe { start(device, self.fast(device, kernel, stream)?, launch, params, stream) }
    }

    /// The kernel that comes after this one, which leaves derivatives, and takes `Params` as this one does. Whoever launches both asks for it
    /// before the first: a call that fails must have put nothing into the stream. The device's context is current.
    pub(super) fn adjoint(&self, device: &Device, kernel: &Kernel, stream: CUstream) -> Result<CUfunction, CudaError> {
        let adjoints = &self.like(kernel).adjoints[size(kernel.taps)];
        let load = || {
            let functions = functions(self.ptx, [adjoint_name(kernel)], kernel.form)?;
            allow_shared(functions[0], geometry::MOST_BACK)?;
            Ok(functions)
        };
        let adjoint = &adjoints[usize::from(kernel.work == Work::Gradients)];
        let [function] = *self.once(adjoint, (device, stream), FIRST_OF_SIZE, load)?;
        Ok(function)
    }

    /// Puts a general kernel into the stream.
    ///
    /// # Safety
    ///
    /// As [`launch`](Self::launch); what a kernel needs of those before it has been put into the stream.
    pub(super) unsafe fn launch_general(
        &self,
        device: &Device,
        work: general::geometry::Work,
        precision: Precision,
        launch: &Launch,
        params: &general::params::Params,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        let function = match (precision, single_place(work)) {
            (Precision::Single, Some(place)) => self.single(device, stream)?[place],
            _ => self.general[general_place(work)],
        };
        // SAFETY: the kernel takes one argument, a `Params` of the general kernels; the rest is the caller's promise.
        unsafe { start(device, function, launch, params, stream) }
    }

    /// Puts a kernel into the stream that makes images smaller, or its adjoint.
    ///
    /// # Safety
    ///
    /// As [`launch`](Self::launch).
    pub(super) unsafe fn launch_resize(
        &self,
        device: &Device,
        resizing: Resizing,
        launch: &Launch,
        params: &Resize,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, a `Resize`; the rest is the caller's promise.
        unsafe { start(device, self.general[resize_place(resizing)], launch, params, stream) }
    }

    /// Puts the kernel into the stream that adds scores to a running sum.
    ///
    /// # Safety
    ///
    /// As [`launch`](Self::launch).
    pub(super) unsafe fn launch_accumulate(
        &self,
        device: &Device,
        launch: &Launch,
        params: &Accumulate,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, an `Accumulate`; the rest is the caller's promise.
        unsafe { start(device, self.general[ACCUMULATE], launch, params, stream) }
    }
}

/// Has the driver let the blocks of a kernel have so many bytes of shared memory. The device's context is current, and the function one
/// of a module that stays loaded.
fn allow_shared(function: CUfunction, bytes: u32) -> Result<(), CudaError> {
    // SAFETY: as above.
    let status = unsafe { sys::cuFuncSetAttribute(function, MOST_SHARED, bytes as c_int) };
    check("cuFuncSetAttribute", status)
}

/// The same for those of the fast kernels like this one that march.
fn allow_shared_of_marches(functions: &[CUfunction], kernel: &Kernel) -> Result<(), CudaError> {
    for work in Work::ALL {
        allow_shared(functions[place(Way::March, work)], kernel.march(work).most_shared())?;
    }
    Ok(())
}

/// The name of an entry point with zeros or pixels beyond the edges as this kernel has them.
fn entry(kernel: &Kernel, name: &str) -> String {
    let edges = if kernel.continued { "continued_" } else { "" };
    format!("{edges}{name}")
}

/// The names of the fast entry points like this one for windows of as many taps, more than [`TAPS`], by [`place`].
fn wide_names(kernel: &Kernel) -> [String; OF_WIDE] {
    let taps = kernel.taps;
    Work::ALL.map(|work| {
        let name = match (work, kernel.march(work).is_split) {
            (Work::Gradient, true) => "derivatives",
            (Work::Gradients, true) => "derivatives_of_both",
            _ => FAST[place(Way::March, work)],
        };
        entry(kernel, &format!("wide_{name}_{taps}"))
    })
}

/// The name of the one that comes after this one.
fn adjoint_name(kernel: &Kernel) -> String {
    let name = match kernel.work {
        Work::Gradients => "adjoints",
        _ => "adjoint",
    };
    entry(kernel, &format!("wide_{name}_{}", kernel.taps))
}

/// The place of a window of so many taps among those that have kernels of their own.
fn size(taps: u32) -> usize {
    (taps as usize - TAPS) / 2 - 1
}

/// Has the driver compile these entry points of PTX, the fast ones for images of this form. Their module stays loaded for as long as the
/// device is open, which is for ever. The device's context is current.
fn functions<const N: usize>(text: &str, names: [String; N], form: Form) -> Result<[CUfunction; N], CudaError> {
    let part = ptx::part(text, |name| names.iter().any(|wanted| wanted == name));
    let module = ptx::compile(&ptx::text(&form.of(&part)))?;
    let mut functions = [ptr::null_mut(); N];
    for (function, name) in functions.iter_mut().zip(names) {
        let c_name = CString::new(name.as_str()).unwrap_or_default();
        // SAFETY: the module is loaded, the name ends in zero, and one pointer is written.
        let status = unsafe { sys::cuModuleGetFunction(function, module, c_name.as_ptr()) };
        check("cuModuleGetFunction", status).map_err(|error| {
            // SAFETY: the module is loaded, and nobody has its functions.
            unsafe { sys::cuModuleUnload(module) };
            ptx::with_detail(error, &name)
        })?;
    }
    Ok(functions)
}

/// Puts a kernel into the stream.
///
/// # Safety
///
/// The kernel takes one argument, a `P`, and what this tells it is as it must be.
pub(super) unsafe fn start<P>(
    device: &Device,
    function: CUfunction,
    launch: &Launch,
    params: &P,
    stream: CUstream,
) -> Result<(), CudaError> {
    // The driver copies the parameters before it returns, and does not write to them.
    let mut arguments = [ptr::from_ref(params).cast_mut().cast::<c_void>()];
    // SAFETY: as the caller promises.
    let status = unsafe {
        sys::cuLaunchKernel(
            function,
            launch.grid,
            1,
            1,
            launch.block,
            1,
            1,
            launch.shared,
            stream,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
        )
    };
    device.check("cuLaunchKernel", status)
}

// SAFETY: functions of modules that are never unloaded; the driver's calls on them may come from any thread.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dynamic shared memory that a block has without asking the driver for more.
    const DEFAULT_SHARED: u32 = 48 * 1024;
    /// What it can ask for on the smallest device, of compute capability 7.5.
    const LEAST_OF_ALL: u32 = 64 * 1024;
    /// The same of those that have kernels for large windows: that of compute capability 8.0.
    const LEAST_OF_WIDE: u32 = 163 * 1024;

    fn kernel(work: Work, taps: u32, continued: bool) -> Kernel {
        Kernel {
            way: geometry::way(work, taps, continued),
            work,
            form: Form::F32,
            taps,
            continued,
        }
    }

    /// Threads of a block that a kernel is compiled for, and the one that comes after it, if there is one.
    fn bounds_of(kernel: &Kernel) -> [u32; 2] {
        let name = if kernel.taps > TAPS as u32 {
            wide_names(kernel)[place(Way::March, kernel.work)].clone()
        } else {
            entry(kernel, FAST[place(Way::March, kernel.work)])
        };
        let after = if kernel.way == Way::Split {
            adjoint_name(kernel)
        } else {
            name.clone()
        };
        [name, after].map(|name| {
            let part = ptx::part(ptx::of((9, 0)), |found| found == name);
            let (_, bound) = part.split_once(".maxntid ").expect("it is bound");
            let (threads, _) = bound.split_once(',').expect("three extents");
            threads.parse().expect("a number")
        })
    }

    #[test]
    fn every_kernel_has_the_threads_and_the_shared_memory_it_needs() {
        let all = Work::ALL.into_iter().flat_map(|work| {
            let taps = (11..=33).step_by(2);
            taps.flat_map(move |taps| [false, true].map(|continued| kernel(work, taps, continued)))
        });
        for kernel in all {
            let march = kernel.march(kernel.work);
            let most_threads = bounds_of(&kernel);
            for extent in [11, 64, 230, 256, 1000, 30_000] {
                let most_of_patch = if kernel.taps > 11 {
                    geometry::MOST_PATCH
                } else {
                    DEFAULT_SHARED
                };
                let patch = geometry::has_patches(kernel.work, kernel.taps, kernel.continued);
                let patch = patch.then_some((Way::Patch, most_of_patch));
                for (way, most) in [(kernel.way, march.most_shared())].into_iter().chain(patch) {
                    let mut params = Params {
                        images: 1,
                        channels: 1,
                        height: extent,
                        width: extent,
                        padding: u32::from(kernel.continued),
                        derivatives_margin: if kernel.continued { -(kernel.taps as i32 / 2) } else { 0 },
                        ..Params::default()
                    };
                    let launch =
                        geometry::launch(way, kernel.work, kernel.taps, &mut params).expect("not too many tiles");
                    assert!(launch.shared <= most, "{kernel:?} {extent}: {}", launch.shared);
                    let least = if kernel.taps > 11 { LEAST_OF_WIDE } else { LEAST_OF_ALL };
                    assert!(most <= least, "{kernel:?}: {most}");
                    if way == Way::Patch {
                        continue;
                    }
                    assert!(launch.block <= most_threads[0], "{kernel:?} {extent}: {}", launch.block);
                    if way == Way::Split {
                        let adjoint = geometry::launch_adjoint(kernel.work, kernel.taps, &mut params);
                        let adjoint = adjoint.expect("not too many tiles");
                        assert!(adjoint.shared <= geometry::MOST_BACK && geometry::MOST_BACK <= most);
                        assert!(
                            adjoint.block <= most_threads[1],
                            "{kernel:?} {extent}: {}",
                            adjoint.block
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_kernel_is_in_the_ptx_at_its_place() {
        for ptx in [ptx::of((7, 5)), ptx::of((9, 0))] {
            let count = |text: &str| text.matches(".visible .entry ").count();
            let mut all = GENERAL.map(str::to_owned).to_vec();
            all.extend(SINGLE.map(str::to_owned));
            for continued in [false, true] {
                all.extend(FAST.map(|name| entry(&kernel(Work::Score, 11, continued), name)));
                if ptx == ptx::of((7, 5)) {
                    continue;
                }
                all.extend(WIDE_PATCHES.map(|name| entry(&kernel(Work::Score, 13, continued), name)));
                for taps in (13..=MOST_TAPS as u32).step_by(2) {
                    all.extend(wide_names(&kernel(Work::Score, taps, continued)));
                    let kernels = Work::ALL.map(|work| kernel(work, taps, continued)).into_iter();
                    let split = kernels.filter(|kernel| kernel.way == Way::Split);
                    all.extend(split.map(|kernel| adjoint_name(&kernel)));
                }
            }
            for name in &all {
                let part = ptx::part(ptx, |found| found == name);
                assert_eq!(count(&part), 1, "{name}");
                let is_fast = !name.starts_with("general_");
                for form in Form::ALL {
                    let is_other = form.of(&part) != part;
                    assert_eq!(is_other, is_fast && form != Form::F32, "{name} for {}", form.name());
                }
            }
            assert_eq!(count(ptx), all.len());
        }
        for (work, name) in Work::ALL.into_iter().zip(["score", "map", "gradient", "gradients"]) {
            assert_eq!(FAST[place(Way::March, work)], name);
            assert_eq!(FAST[place(Way::Patch, work)], format!("patch_{name}"));
        }
        for (place, form) in Form::ALL.into_iter().enumerate() {
            assert_eq!(place, form as usize);
        }
        use general::geometry::Work as General;
        for (work, single, double) in [
            (General::Windows, "windows_f32", "windows_f64"),
            (General::Derivatives, "derivatives_f32", "windows_f64"),
            (General::Adjoint, "adjoint_f32", "adjoint_f64"),
            (General::Adjoints, "adjoints_f32", "adjoint_f64"),
        ] {
            assert_eq!(
                single_place(work).map(|place| SINGLE[place]),
                Some(&*format!("general_{single}"))
            );
            assert_eq!(GENERAL[general_place(work)], format!("general_{double}"));
        }
        for (place, name) in [
            (general_place(General::Means), "general_means"),
            (general_place(General::Weights), "general_weights"),
            (general_place(General::Totals), "general_totals"),
            (resize_place(Resizing::Reduce), "general_reduce"),
            (resize_place(Resizing::Spread), "general_spread"),
            (ACCUMULATE, "general_accumulate"),
        ] {
            assert_eq!(GENERAL[place], name);
        }
    }
}
