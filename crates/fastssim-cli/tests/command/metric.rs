//! The options of the metric: each does what the library does when it is told the same.

use fastssim::{Covariance, Downsampling, Padding, Preset, Ssim, SsimBuilder};

use crate::oracle::{Oracle, assert_close};
use crate::{Folder, channel, texture};

/// Each flag against the library told the same.
#[test]
fn every_option_of_the_library_has_a_flag() {
    let (a, b) = (texture(40, 37, 1), texture(40, 37, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let default = || Ssim::builder();
    let cases: [(&str, SsimBuilder, Option<&str>); 10] = [
        ("--padding symmetric", default().padding(Padding::Symmetric), None),
        ("--padding reflect", default().padding(Padding::Reflect), None),
        ("--padding replicate", default().padding(Padding::Replicate), None),
        (
            "--uniform-window 7",
            default().uniform_window(7),
            Some("uniform window"),
        ),
        (
            "--window-weights 1,2,1",
            default().window_weights([1.0, 2.0, 1.0]),
            Some("window weights 0.25,0.5,0.25"),
        ),
        (
            "--sample-covariance",
            default().covariance(Covariance::Sample),
            Some("sample covariance"),
        ),
        (
            "--exponents 1,2,0.5",
            default().exponents([1.0, 2.0, 0.5]),
            Some("exponents 1,2,0.5"),
        ),
        (
            "--channel-weights 6,1,1",
            default().channel_weights([6.0, 1.0, 1.0]),
            Some("channel weights 6,1,1"),
        ),
        (
            "--downsample",
            default().downsampling(Downsampling::Automatic),
            Some("downsampling"),
        ),
        (
            "--preset scikit-image --padding reflect",
            Ssim::preset(Preset::ScikitImage).padding(Padding::Reflect),
            Some("uniform window; sample covariance"),
        ),
    ];
    let mut scores = Vec::new();
    for (flags, builder, options) in cases {
        let expected = builder.build().unwrap().ssim(&b, &a).unwrap();
        let json = folder.json(&format!("a.png b.png {flags}"));
        let score = json["ssim"].as_f64().unwrap();
        assert!((score - expected).abs() < 1e-12, "{flags}: {score} {expected}");
        assert_eq!(json["options"].as_str(), options, "{flags}");
        scores.push(score);
    }
    // None of them is another's, but for the image that is too small to become smaller.
    for (i, score) in scores.iter().enumerate().filter(|(i, _)| *i != 8) {
        assert!(scores[..i].iter().all(|other| other != score), "{i}");
    }
}

/// The numbers of the peers themselves, as `docs/presets.md` has them.
#[test]
fn presets_have_the_scores_of_their_libraries() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");
    if !std::path::Path::new(data).exists() {
        eprintln!("skipped: {data} is not part of this package");
        return;
    }
    let folder = Folder::with_pair(texture(12, 12, 1), texture(12, 12, 2));
    for (preset, expected) in [
        ("wang2004", 0.3579642362),
        ("scikit-image", 0.3674518328),
        ("kornia", 0.3561145828),
        ("matlab", 0.6244639496),
        ("fused-ssim", 0.3717030174),
    ] {
        let json = folder.json(&format!("{data}/camera.png {data}/camera-noisy.png --preset {preset}"));
        assert_eq!(json["preset"], preset);
        let score = json["ssim"].as_f64().unwrap();
        assert!((score - expected).abs() < 5e-8, "{preset} {score}");
    }
}

#[test]
fn every_parameter_reaches_the_metric() {
    let (a, b) = (texture(20, 17, 1), texture(20, 17, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let cases = [
        (
            "--window 7",
            Oracle {
                window: 7,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--sigma 0.8",
            Oracle {
                sigma: 0.8,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--data-range 100",
            Oracle {
                range: 100.0,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--padding valid",
            Oracle {
                valid: true,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--window 5 --sigma 2.5 --data-range 1e3 --padding valid",
            Oracle {
                window: 5,
                sigma: 2.5,
                range: 1e3,
                valid: true,
            },
        ),
    ];
    for (options, oracle) in cases {
        let json = folder.json(&format!("a.png b.png {options}"));
        let expected: f64 = (0..3)
            .map(|c| oracle.ssim(&channel(&a, c), &channel(&b, c), 20))
            .sum::<f64>()
            / 3.0;
        assert_close(json["ssim"].as_f64().unwrap(), expected);
        assert_eq!(json["window"], oracle.window);
        assert_eq!(json["sigma"], oracle.sigma);
        assert_eq!(json["data_range"], oracle.range);
        assert_eq!(json["padding"], if oracle.valid { "valid" } else { "zero" });
    }
}
