//! Output files: what is in them, and that they appear whole or not at all.

use std::fs;

use image::{DynamicImage, RgbImage};
use ndarray::Array3;

use crate::oracle::Oracle;
use crate::{Folder, assert_failure, channel, texture};

/// The two ends of the colour scale.
const LOWEST: [u8; 3] = [0, 0, 4];
const HIGHEST: [u8; 3] = [252, 255, 164];

fn pair(width: u32, height: u32) -> Folder {
    Folder::with_pair(texture(width, height, 1), texture(width, height, 2))
}

fn map(folder: &Folder, args: &str) -> RgbImage {
    folder.succeed(&format!("{args} --map map.png --no-legend"));
    image::open(folder.path("map.png")).unwrap().into_rgb8()
}

fn gradient(folder: &Folder, args: &str) -> Array3<f32> {
    folder.succeed(&format!("{args} --gradient gradient.npy"));
    ndarray_npy::read_npy(folder.path("gradient.npy")).unwrap()
}

#[test]
fn the_map_of_identical_images_is_the_lowest_colour_everywhere() {
    let folder = pair(37, 23);
    for options in ["", "--gray", "--data-range 1"] {
        let map = map(&folder, &format!("a.png a.png {options}"));
        assert_eq!(map.dimensions(), (37, 23));
        assert!(map.pixels().all(|pixel| pixel.0 == LOWEST));
    }
}

#[test]
fn the_map_shows_where_the_images_differ() {
    let reference = texture(60, 50, 1);
    let mut distorted = reference.clone();
    // The texture upside down: as different as can be.
    for y in 20..30 {
        for x in 40..50 {
            distorted[(x, y)].0 = reference[(x, y)].0.map(|sample| 255 - sample);
        }
    }
    let folder = Folder::with_pair(reference, distorted);
    let map = map(&folder, "a.png b.png");
    assert_eq!(map[(45, 25)].0, HIGHEST);
    for (x, y, pixel) in map.enumerate_pixels() {
        let near = (35..55).contains(&x) && (15..35).contains(&y);
        assert!(near || pixel.0 == LOWEST, "{x} {y} {pixel:?}");
    }
}

#[test]
fn each_pixel_of_the_map_is_the_mean_over_the_channels() {
    let (a, b) = (texture(24, 22, 1), texture(24, 22, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let oracle = Oracle {
        valid: true,
        ..Oracle::DEFAULT
    };
    let maps = [0, 1, 2].map(|c| oracle.map(&channel(&a, c), &channel(&b, c), 24));
    let map = map(&folder, "a.png b.png --padding valid");
    assert_eq!(map.dimensions(), (14, 12), "only whole windows");
    for (at, pixel) in map.pixels().enumerate() {
        let dssim = 1.0 - (maps[0][at] + maps[1][at] + maps[2][at]) / 3.0;
        let scaled = dssim.clamp(0.0, 1.0) * 255.0;
        // A value half way between two steps may go to either.
        let steps = [scaled - 0.01, scaled + 0.01].map(|step| step.round().clamp(0.0, 255.0) as usize);
        let colors = steps.map(|step| colorous::INFERNO.eval_rational(step, 256).into_array());
        assert!(colors.contains(&pixel.0), "{at}: {:?} is not in {colors:?}", pixel.0);
    }
}

#[test]
fn the_gradient_agrees_with_finite_differences() {
    let (a, b) = (texture(17, 13, 1), texture(17, 13, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    for (options, valid) in [("", false), ("--padding valid", true)] {
        let oracle = Oracle {
            valid,
            ..Oracle::DEFAULT
        };
        let gradient = gradient(&folder, &format!("a.png b.png {options}"));
        assert_eq!(gradient.dim(), (3, 13, 17), "channels, height, width");
        let largest = gradient.iter().fold(0.0f32, |max, value| max.max(value.abs()));
        for c in 0..3 {
            let (reference, distorted) = (channel(&a, c), channel(&b, c));
            // With respect to the distorted image, of which one sample moves.
            let score = |at: usize, by: f64| {
                let mut moved = distorted.clone();
                moved[at] += by;
                oracle.ssim(&reference, &moved, 17) / 3.0
            };
            for at in (0..17 * 13).step_by(5) {
                let expected = (score(at, 1e-3) - score(at, -1e-3)) / 2e-3;
                let found = f64::from(gradient[[c, at / 17, at % 17]]);
                let tolerance = 1e-5 * f64::from(largest);
                assert!(
                    (found - expected).abs() < tolerance,
                    "{c} {at}: {found} instead of {expected}"
                );
            }
        }
    }
}

#[test]
fn the_gradient_follows_the_parameters() {
    let folder = pair(17, 13);
    let default = gradient(&folder, "a.png b.png");
    assert_eq!(gradient(&folder, "a.png b.png --data-range 255"), default);
    assert_ne!(
        gradient(&folder, "b.png a.png"),
        default,
        "with respect to the other image"
    );
    for option in ["--window 5", "--sigma 1", "--data-range 100", "--padding valid"] {
        assert_ne!(gradient(&folder, &format!("a.png b.png {option}")), default, "{option}");
    }
}

#[test]
fn the_gradient_of_gray_has_one_channel_in_units_of_the_file() {
    let gray = |seed| DynamicImage::from(texture(17, 13, seed)).to_luma8();
    let folder = Folder::with_pair(gray(1), gray(2));
    let stored = gradient(&folder, "a.png b.png");
    let luma = gradient(&folder, "a.png b.png --gray");
    assert_eq!((stored.dim(), luma.dim()), ((1, 13, 17), (1, 13, 17)));
    let largest = stored.iter().fold(0.0f32, |max, value| max.max(value.abs()));
    assert!(largest > 1e-5);
    assert!(
        (stored - luma)
            .iter()
            .all(|difference| difference.abs() < 1e-5 * largest)
    );
    let folder = pair(17, 13);
    assert_eq!(gradient(&folder, "a.png b.png --gray").dim(), (1, 13, 17));
}

#[test]
fn the_gradient_of_identical_images_is_zero() {
    let gradient = gradient(&pair(17, 13), "a.png a.png");
    assert!(gradient.iter().all(|&value| value == 0.0));
}

#[test]
fn files_do_not_change_what_is_printed() {
    let folder = pair(40, 30);
    let plain = folder.json("a.png b.png");
    let with_files = folder.json("a.png b.png --map map.png --gradient gradient.npy");
    assert_eq!(
        (&plain["ssim"], &plain["dssim"]),
        (&with_files["ssim"], &with_files["dssim"])
    );
    let names: Vec<_> = folder.files().into_keys().collect();
    assert_eq!(names, ["a.png", "b.png", "gradient.npy", "map.png"]);
}

#[test]
fn an_existing_file_is_replaced_only_by_a_whole_one() {
    let folder = pair(20, 20);
    fs::write(folder.path("map.png"), "old").unwrap();
    fs::write(folder.path("gradient.npy"), "old").unwrap();
    fs::write(folder.path("text.txt"), "no image").unwrap();
    folder.save("small.png", texture(19, 20, 1));
    let outputs = "--map map.png --gradient gradient.npy";
    folder.fail(&format!("a.png text.txt {outputs}"), &["text.txt"]);
    folder.fail(&format!("a.png small.png {outputs}"), &["small.png"]);
    folder.fail(
        &format!("a.png b.png --padding valid --window 21 {outputs}"),
        &["a.png", "b.png"],
    );
    folder.succeed(&format!("a.png b.png {outputs}"));
    assert!(image::open(folder.path("map.png")).is_ok());
    assert!(ndarray_npy::read_npy::<_, Array3<f32>>(folder.path("gradient.npy")).is_ok());
}

#[test]
fn places_where_no_file_can_be() {
    let folder = pair(20, 20);
    fs::create_dir(folder.path("folder")).unwrap();
    for option in ["--map", "--gradient"] {
        let refused = |path: &str, reason: &str| {
            folder.fail(
                &format!("a.png b.png {option} {path}"),
                &[&format!("fastssim: {path}: "), reason],
            );
        };
        refused("missing/out", "No such file or directory");
        refused("a.png/out", "Not a directory");
        refused("folder", "not a regular file");
        refused("folder/..", "not a regular file");
        refused("a.png", "would overwrite");
        refused("folder/../b.png", "would overwrite");
        if cfg!(target_os = "linux") {
            refused("/proc/out", "cannot create a file in /proc");
        }
    }
    folder.fail(
        "a.png b.png --map out --gradient ./out",
        &["fastssim: ./out: ", "would overwrite"],
    );
}

/// Renaming onto a device would replace it; a socket stands for those that matter more.
#[cfg(unix)]
#[test]
fn what_is_not_a_regular_file_is_not_replaced() {
    let folder = pair(20, 20);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    for option in ["--map", "--gradient"] {
        let args = format!("a.png b.png {option} socket");
        folder.fail(&args, &["fastssim: socket: not a regular file"]);
    }
}

#[test]
fn when_one_file_fails_neither_appears() {
    let folder = pair(20, 20);
    folder.fail(
        "a.png b.png --map map.png --gradient missing/out.npy",
        &["missing/out.npy"],
    );
    folder.fail(
        "a.png b.png --map missing/out.png --gradient gradient.npy",
        &["missing/out.png"],
    );
    if cfg!(target_os = "linux") {
        // Found only when the map has been written.
        folder.fail("a.png b.png --map map.png --gradient /proc/out.npy", &["/proc/out.npy"]);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_does_not_fit_is_not_left_half_written() {
    let folder = pair(100, 100);
    fs::write(folder.path("gradient.npy"), "old").unwrap();
    let before = folder.files();
    // 64 blocks of 512 or of 1024 bytes, less than the 120000 bytes of the gradient.
    let script = "ulimit -f 64; exec \"$@\"";
    let run = |args: &str| {
        let output = std::process::Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_fastssim")])
            .args(args.split_whitespace())
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        crate::Outcome {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    };
    for args in [
        "a.png b.png --gradient gradient.npy",
        "a.png b.png --gradient new.npy",
        "a.png b.png --gradient new.npy --map map.png",
    ] {
        assert_failure(&run(args), &[".npy: ", "File too large"]);
        assert_eq!(folder.files(), before);
    }
    // It is the size of the gradient that fails, not the limit as such.
    assert_eq!(run("a.png a.png --map map.png").code, Some(0));
}

#[cfg(unix)]
#[test]
fn permissions_and_links_are_respected() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = pair(20, 20);
    let mode = |name: &str| fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    fs::write(folder.path("plain"), "").unwrap();
    folder.succeed("a.png b.png --map new.png");
    assert_eq!(mode("new.png"), mode("plain"), "as any other new file");
    fs::write(folder.path("target.png"), "old").unwrap();
    fs::set_permissions(folder.path("target.png"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target.png", folder.path("link.png")).unwrap();
    folder.succeed("a.png b.png --map link.png");
    assert!(fs::symlink_metadata(folder.path("link.png")).unwrap().is_symlink());
    assert!(image::open(folder.path("target.png")).is_ok());
    assert_eq!(mode("target.png"), 0o640);
}
