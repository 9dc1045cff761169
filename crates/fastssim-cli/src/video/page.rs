//! The report on a video.

use serde_json::{Value, json};

use super::print::short;
use super::record::{FrameRecord, VideoRecord};
use crate::args::{GateArgs, PictureArgs};
use crate::record::window;
use crate::report::{Column, Exhibit, Kind, Page, Series, Verdict, tiles};

/// What the page shows.
pub fn page(
    frames: &[FrameRecord],
    record: &VideoRecord,
    worst: Vec<Exhibit>,
    verdict: Option<Verdict>,
    pictures: &PictureArgs,
    gates: &GateArgs,
) -> Page {
    let has_color = record.u.is_some();
    let column = |key, name, kind| Column { key, name, kind };
    let mut columns = vec![
        column("frame", "Frame", Kind::Number),
        column("time", "Seconds", Kind::Seconds),
        column("ssim", "SSIM", Kind::Score),
        column("y", "Y", Kind::Score),
    ];
    let series = |key, name, column| Series { key, name, column };
    let mut lines = vec![series("total", "SSIM", "ssim")];
    if has_color {
        columns.extend([column("u", "U", Kind::Score), column("v", "V", Kind::Score)]);
        lines.extend([series("y", "Y", "y"), series("u", "U", "u"), series("v", "V", "v")]);
    }
    let row = |frame: &FrameRecord| -> Vec<Value> {
        let mut row = vec![json!(frame.frame), json!(frame.time), json!(frame.ssim), json!(frame.y)];
        if has_color {
            row.extend([json!(frame.u), json!(frame.v)]);
        }
        row
    };
    Page {
        subject: format!("{} compared with {}", record.distorted, record.reference),
        tiles: tiles("Frames", record.frames, Some(&record.ssim)),
        settings: settings(record),
        verdict,
        columns,
        rows: frames.iter().map(row).collect(),
        series: Some(lines),
        fail_under: gates.fail_under,
        worst_title: "The worst frames".into(),
        worst,
        scale: pictures.map_max.into(),
    }
}

fn settings(record: &VideoRecord) -> Vec<(&'static str, String)> {
    let weights: Vec<String> = record.weights.iter().map(|weight| short(*weight)).collect();
    let rate = record
        .frame_rate
        .map_or(String::new(), |rate| format!(", {} frames/s", short(rate)));
    let device = record
        .device
        .map_or(String::new(), |device| format!(", device {device}"));
    let mut settings = vec![
        ("Reference", record.reference.clone()),
        ("Distorted", record.distorted.clone()),
        (
            "Video",
            format!(
                "{}x{}, {}, {} bits{rate}",
                record.width, record.height, record.chroma, record.bits
            ),
        ),
        ("Weights of the planes", weights.join(":")),
        ("Window", window(record.window, record.sigma, record.options.as_deref())),
        ("Padding", record.padding.clone()),
        ("Constants", format!("k1 {}, k2 {}", record.k1, record.k2)),
        ("Data range", record.data_range.to_string()),
        ("Backend", record.backend.clone() + &device),
    ];
    settings.extend(record.mask.clone().map(|mask| ("Mask", mask)));
    settings
}
