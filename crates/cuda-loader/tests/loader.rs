//! The functions that `cust_raw` declares are defined, need no library, and do no harm without a driver.

use std::ffi::c_void;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::ptr;

use cuda_loader as _;
use cust_raw::{CUresult, cuDriverGetVersion, cuInit, cuLaunchKernel};

/// Says why a test that needs a driver, or its absence, is not run. On standard error itself: what macros print is
/// not shown for tests that pass.
fn skipped(why: &str) {
    // Where standard error is closed, nobody reads it.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

#[test]
fn without_a_driver_every_function_says_no_device() {
    let Err(missing) = cuda_loader::status() else {
        return skipped("this machine has a driver");
    };
    let text = missing.to_string();
    assert!(
        text.starts_with("no CUDA driver: ") && text.contains("libcuda.so.1"),
        "{text}"
    );
    // Twice: the first call goes another way than the later ones.
    for _ in 0..2 {
        // SAFETY: there is no driver, so the function does nothing.
        assert_eq!(unsafe { cuInit(0) }, CUresult::CUDA_ERROR_NO_DEVICE);
        // Eleven arguments, five of them on the stack.
        // SAFETY: as above.
        let result = unsafe {
            let (stream, none) = (ptr::null_mut(), ptr::null_mut::<*mut c_void>());
            cuLaunchKernel(ptr::null_mut(), 1, 1, 1, 1, 1, 1, 0, stream, none, none)
        };
        assert_eq!(result, CUresult::CUDA_ERROR_NO_DEVICE);
    }
}

#[test]
fn with_a_driver_functions_are_the_drivers() {
    if let Err(missing) = cuda_loader::status() {
        return skipped(&missing.to_string());
    }
    for _ in 0..2 {
        let mut version = 0;
        // SAFETY: the function writes one number, and can be called before `cuInit`.
        let result = unsafe { cuDriverGetVersion(&mut version) };
        assert_eq!(result, CUresult::CUDA_SUCCESS);
        assert!(version >= 10_000, "CUDA {version}");
    }
}

#[test]
fn first_calls_from_many_threads() {
    let expected = cuda_loader::status().is_ok();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut version = 0;
                // SAFETY: the function writes one number, and can be called before `cuInit`.
                let result = unsafe { cuDriverGetVersion(&mut version) };
                assert_eq!(result == CUresult::CUDA_SUCCESS, expected);
            });
        }
    });
}

/// The libraries that this program needs to start, as the system's loader lists them.
#[test]
fn this_program_does_not_need_libcuda() {
    let program = std::env::current_exe().expect("the name of this program");
    let needed = needed_libraries(&program);
    assert!(needed.iter().any(|name| name.starts_with("libc.")), "{needed:?}");
    assert!(!needed.iter().any(|name| name.contains("cuda")), "{needed:?}");
    // Nor has anything else loaded it.
    if cuda_loader::status().is_err() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("what is loaded");
        assert!(!maps.contains("libcuda"), "{maps}");
    }
}

/// `DT_NEEDED` of a program, by `ldd`, which is part of the C library's package.
fn needed_libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().filter_map(|line| line.split_whitespace().next());
    lines
        .map(|name| name.rsplit('/').next().unwrap_or(name).into())
        .collect()
}
