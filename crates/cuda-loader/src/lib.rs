//! Finds the CUDA driver at run time, so that one program starts with and without it.
//!
//! [`cust`](https://docs.rs/cust) and `cust_raw` declare the driver's functions and leave it to the linker to
//! find them, in a library that is missing wherever there is no GPU. This crate defines the same functions:
//! each one jumps to the driver's function of its name, which is looked up in `libcuda.so.1` when it is called
//! for the first time. Where there is no driver the functions return `CUDA_ERROR_NO_DEVICE`, and
//! `CUDA_ERROR_NOT_FOUND` where the driver is too old to have them: nothing crashes. A program has only to
//! mention this crate:
//!
//! ```
//! use cuda_loader as _;
//! ```
//!
//! [`status`] says whether there is a driver. Ask it before anything else: `cust` asks the driver for the text
//! of its errors, and panics in `to_string` where there is none.
//!
//! # Building without CUDA
//!
//! The build scripts of `cust` and `cust_raw` want a folder `lib64` in which the linker finds a `libcuda.so`.
//! It has no influence on the program, so an empty one will do; the repository of this crate has it in
//! `crates/cuda-loader/link` and names it in `.cargo/config.toml`. Where no CUDA is installed, other workspaces
//! make their own, and set the variable in their shell or in the `[env]` of their `.cargo/config.toml`:
//!
//! ```sh
//! mkdir -p link/lib64 && echo 'INPUT()' > link/lib64/libcuda.so
//! export CUDA_LIBRARY_PATH=$PWD/link
//! ```
//!
//! # Platforms
//!
//! Linux on x86-64 and aarch64.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("cuda-loader supports Linux on x86-64 and aarch64");

mod library;
mod symbols;
mod trampoline;

pub use library::{Missing, status};
