//! The numbers of the peers themselves, `goldens/peers.json`: scores, maps and gradients in double precision, by the
//! settings that each run names and by the presets.

use fastssim::{Covariance, Downsampling, Padding, Preset, Ssim, SsimBuilder};
use fastssim_tests::images::{Random, bytes, picture};
use fastssim_tests::tolerance;
use ndarray::{Array4, Axis};
use serde_json::Value;

/// The wave of `goldens/pairs.py`: 255 … 0 … 255 over 510 pixels.
fn triangle(v: usize) -> u64 {
    (v % 510).abs_diff(255) as u64
}

/// The pair of the formula in `goldens/pairs.py`.
fn formula([rows, columns, channels]: [usize; 3]) -> [Array4<u8>; 2] {
    let mut random = Random::new((rows * 1_000_000 + columns * 1000 + channels) as u64);
    let mut pair = [(); 2].map(|()| Array4::zeros((1, channels, rows, columns)));
    for i in 0..rows {
        for j in 0..columns {
            for c in 0..channels {
                let [r, s] = [(); 2].map(|()| random.bits() >> 59);
                let x = 24 + 3 * triangle(9 * i + 5 * j + 60 * c) / 4 + r / 2;
                pair[0][[0, c, i, j]] = x as u8;
                pair[1][[0, c, i, j]] = (7 * x / 8 - 4 + s) as u8;
            }
        }
    }
    pair
}

/// The pair of a name, as `goldens/pairs.py` has it.
fn pair(name: &str) -> [Array4<u8>; 2] {
    let pictures = |names: [&str; 2]| names.map(|name| bytes(&picture(name)).insert_axis(Axis(0)));
    match name {
        "camera" => pictures(["camera.png", "camera-noisy.png"]),
        "coffee" => pictures(["coffee.png", "coffee-q10.png"]),
        "chelsea" => pictures(["chelsea.png", "chelsea-blurred.png"]),
        "negative" => {
            let [x, _] = formula([16, 20, 1]);
            let negative = x.mapv(|v| 255 - v);
            [x, negative]
        }
        _ => {
            let sides: Vec<usize> = name.split('x').map(|side| side.parse().expect("a number")).collect();
            formula(sides.try_into().expect("three numbers"))
        }
    }
}

fn peers() -> Value {
    serde_json::from_str(include_str!("../goldens/peers.json")).expect("valid JSON")
}

fn list(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().expect("a list").iter();
    numbers.map(|number| number.as_f64().expect("a number")).collect()
}

/// The metric of a run's settings, with its edges cropped or for its whole map, or what of them the library does not
/// have.
fn metric(run: &Value, cropped: bool) -> Result<SsimBuilder, String> {
    let settings = &run["settings"];
    let only = |key: &str, value: Value| {
        let found = &settings[key];
        if *found == value {
            Ok(())
        } else {
            Err(format!("{key} {found}"))
        }
    };
    only("epsilon", 0.0.into())?;
    let downsampling = match settings["downsampling"].as_str() {
        Some("none") => Downsampling::None,
        Some("wang") => Downsampling::Automatic,
        _ => return Err(format!("downsampling {}", settings["downsampling"])),
    };
    let padding = match settings["padding"].as_str() {
        Some("zero") => Padding::Zero,
        Some("valid") => Padding::Valid,
        Some("symmetric") => Padding::Symmetric,
        Some("reflect") => Padding::Reflect,
        Some("replicate") => Padding::Replicate,
        _ => return Err(format!("padding {}", settings["padding"])),
    };
    // A map whose edges are cropped by the window's radius is that of valid padding.
    let padding = if cropped && settings["crop"] != 0 {
        Padding::Valid
    } else {
        padding
    };
    let number = |value: &Value| value.as_f64().expect("a number");
    let size = number(&settings["size"]) as usize;
    let builder = match settings["window"].as_str() {
        Some("uniform") => Ssim::builder().uniform_window(size),
        _ => Ssim::builder().window(size).sigma(number(&settings["sigma"])),
    };
    let covariance = match settings["sample_covariance"].as_bool() {
        Some(true) => Covariance::Sample,
        _ => Covariance::Population,
    };
    let exponents: [f64; 3] = list(&settings["exponents"]).try_into().expect("three exponents");
    Ok(builder
        .padding(padding)
        .downsampling(downsampling)
        .covariance(covariance)
        .exponents(exponents)
        .k1(number(&settings["k1"]))
        .k2(number(&settings["k2"]))
        .data_range(number(&run["range"])))
}

fn build(builder: &SsimBuilder) -> Ssim {
    builder.clone().build().expect("settings of a peer are valid")
}

/// The pair of a name as numbers of the run's range.
fn numbers_of(run: &Value, name: &str) -> [Array4<f64>; 2] {
    let range = run["range"].as_f64().expect("a number");
    pair(name).map(|image| image.mapv(|v| f64::from(v) * (range / 255.0)))
}

/// The elements in the order of their indices.
fn numbers(array: &Array4<f64>) -> Vec<f64> {
    array.iter().copied().collect()
}

/// Asserts what one peer found for one pair.
fn check(builder: &SsimBuilder, whole: &Ssim, run: &Value, name: &str, golden: &Value) {
    let metric = build(builder);
    let what = format!("{} {} {name}", run["peer"], run["call"]);
    let [x, y] = numbers_of(run, name);
    // The peers round differently in their last digits; in single precision, or with a window of it, in many more.
    let score = match run["arithmetic"].as_str() {
        Some("f64") => 1e-12,
        Some("f64, window in f32") => 1e-5,
        _ => 1e-4,
    };
    let within = |key: &str, found: &[f64], tolerance: f64| {
        if let Some(golden) = golden.get(key) {
            let golden = if golden.is_array() {
                list(golden)
            } else {
                vec![golden.as_f64().expect("a number")]
            };
            assert_eq!(found.len(), golden.len(), "{what}: {key}");
            let error = found
                .iter()
                .zip(&golden)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(error <= tolerance, "{what}: {key} is off by {error:e}");
        }
    };
    within("score", &metric.ssim(&x, &y).expect("valid input"), score);
    let channels = metric.ssim_of(&x, &y).channels().expect("valid input");
    within("channels", channels.as_slice().expect("contiguous"), score);
    for (key, exponents) in [
        ("luminance", [1.0, 0.0, 0.0]),
        ("contrast", [0.0, 1.0, 0.0]),
        ("structure", [0.0, 0.0, 1.0]),
        ("contrast_structure", [0.0, 1.0, 1.0]),
    ] {
        if golden.get(key).is_some() {
            let apart = build(&builder.clone().exponents(exponents));
            within(key, &apart.ssim(&x, &y).expect("valid input"), score);
        }
    }
    let map = whole.ssim_map(&x, &y).expect("valid input");
    within("map", &numbers(&map), tolerance::map::<f64>());
    for (key, first, second) in [("gradient_x", &x, &y), ("gradient_y", &y, &x)] {
        let gradient = metric.ssim_gradient(first, second).expect("valid input");
        let norm = gradient.mapv(|slope| slope * slope).sum().sqrt();
        let relative = if score > 1e-12 {
            1e-4
        } else {
            tolerance::gradient::<f64>()
        };
        within(key, &numbers(&gradient), relative * norm);
        within(&format!("{key}_l2"), &[norm], relative * norm);
    }
}

#[test]
fn pairs_are_those_of_the_script() {
    let peers = peers();
    let pairs = peers["pairs"].as_object().expect("an object");
    assert!(pairs.len() >= 10);
    for (name, expected) in pairs {
        for (image, (key, sum)) in pair(name).iter().zip([("x", 0), ("y", 1)]) {
            let (_, c, h, w) = image.dim();
            assert_eq!(list(&expected["shape"]), [h, w, c].map(|side| side as f64), "{name}");
            let total: u64 = image.iter().map(|&v| u64::from(v)).sum();
            assert_eq!(list(&expected["sums"])[sum], total as f64, "{name}");
            let interleaved = image.view().permuted_axes([0, 2, 3, 1]);
            let first: Vec<f64> = interleaved.iter().take(8).map(|&v| f64::from(v)).collect();
            assert_eq!(list(&expected[key]), first, "{name}");
        }
    }
}

#[test]
fn peers_agree() {
    let peers = peers();
    let mut compared = 0;
    for run in peers["runs"].as_array().expect("a list") {
        match metric(run, true).and_then(|cropped| Ok([cropped, metric(run, false)?])) {
            Ok([builder, whole]) => {
                for (name, golden) in run["results"].as_object().expect("an object") {
                    check(&builder, &build(&whole), run, name, golden);
                    compared += 1;
                }
            }
            Err(lacking) => println!(
                "skipped: {} {}: {lacking} is not of this library",
                run["peer"], run["call"]
            ),
        }
    }
    assert!(compared >= 60, "{compared}");
}

/// The settings of a run but for what is added to the denominator, which no preset has.
fn settings(run: &Value) -> Value {
    let mut settings = run["settings"].clone();
    settings["epsilon"] = 0.0.into();
    settings
}

/// By its name, a preset gives what its peer gives, on all pairs and to all digits.
#[test]
fn presets_are_what_their_peers_give() {
    let peers = peers();
    let runs = peers["runs"].as_array().expect("a list");
    for preset in Preset::ALL {
        let marked: Vec<&Value> = runs.iter().filter(|run| run["preset"] == preset.name()).collect();
        let of_preset = |run: &&Value| {
            marked
                .iter()
                .any(|of| settings(of) == settings(run) && of["peer"] == run["peer"])
        };
        let exact = |run: &&Value| run["arithmetic"] == "f64" && run["settings"]["epsilon"] == 0.0;
        let mut compared = 0;
        for run in runs.iter().filter(of_preset).filter(exact) {
            let range = run["range"].as_f64().expect("a number");
            let metric = build(&Ssim::preset(preset).data_range(range));
            for (name, golden) in run["results"].as_object().expect("an object") {
                let [x, y] = numbers_of(run, name);
                let score = metric.ssim_of(&x, &y).mean().expect("valid input");
                let loss = metric.dssim_of(&x, &y).mean().expect("valid input");
                for (key, found) in [("score", score), ("loss", loss)] {
                    if let Some(golden) = golden[key].as_f64() {
                        let error = (found - golden).abs();
                        assert!(
                            error <= 1e-12,
                            "{preset} {} {name}: {key} is off by {error:e}",
                            run["peer"]
                        );
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared >= 8, "{preset}: {compared}");
    }
}
