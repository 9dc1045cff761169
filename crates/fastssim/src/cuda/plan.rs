//! The launch plan of a device: up to which size an image is done by the kernels for small images.
//!
//! The table `plans.csv` has lines that `cargo xtask tune` measured, each for one kind of device (its compute capability
//! and its number of multiprocessors), work and element type; a line of another device says nothing here. The size that
//! counts is that of what is computed, over all channels of one image: a score must not depend on its batch.

use std::sync::atomic::{AtomicI64, Ordering};

use fastssim_kernels::form::Form;
use fastssim_kernels::geometry::{self, Way, Work};
use fastssim_kernels::params::{Padding, Params};

use super::device::DeviceInfo;

const TABLE: &str = include_str!("plans.csv");

/// Where the table has no line: 256 × 256 pixels, as an H100 has it.
const MOST_PIXELS: u64 = 256 * 256;

/// Element types.
const KINDS: usize = Form::ALL.len();

/// What is known of a device's kernels.
pub(super) struct Plan {
    /// By work and element type.
    most_pixels: [[u64; KINDS]; 3],
    /// Set while variants are measured, and then in place of all of those; negative otherwise.
    forced: AtomicI64,
}

impl Plan {
    pub(super) fn new(info: &DeviceInfo) -> Self {
        Self::from_table(TABLE, info)
    }

    fn from_table(table: &str, info: &DeviceInfo) -> Self {
        let mut most_pixels = [[MOST_PIXELS; KINDS]; 3];
        for entry in table.lines().filter_map(Entry::parse) {
            if (entry.compute_capability, entry.multiprocessors) == (info.compute_capability, info.multiprocessors) {
                most_pixels[entry.work][entry.pixel] = entry.most_pixels;
            }
        }
        Self {
            most_pixels,
            forced: AtomicI64::new(-1),
        }
    }

    /// The way to do this image with a window of so many taps.
    pub(super) fn way(&self, work: Work, form: Form, taps: u32, params: &Params) -> Way {
        let margins = match work {
            Work::Score | Work::Map => 2 * params.margin,
            Work::Gradient | Work::Gradients => 0,
        };
        let extents = [params.channels, params.height - margins, params.width - margins];
        let pixels = extents
            .iter()
            .fold(1u64, |product, &extent| product.saturating_mul(extent.into()));
        let most = match u64::try_from(self.forced.load(Ordering::Relaxed)) {
            Ok(forced) => forced,
            Err(_) => self.most_pixels[work_place(work)][form as usize],
        };
        let continued = params.padding != Padding::Zero as u32;
        if pixels <= most && geometry::has_patches(work, taps, continued) {
            return Way::Patch;
        }
        geometry::way(work, taps, continued)
    }

    /// Has images of up to so many pixels done as small ones, of whatever work and type; `None` goes back to the table.
    pub(super) fn force(&self, most_pixels: Option<u32>) {
        self.forced.store(most_pixels.map_or(-1, i64::from), Ordering::Relaxed);
    }
}

fn work_place(work: Work) -> usize {
    match work {
        Work::Score => 0,
        Work::Map => 1,
        // Both take what they take together.
        Work::Gradient | Work::Gradients => 2,
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    compute_capability: (u32, u32),
    multiprocessors: u32,
    work: usize,
    pixel: usize,
    most_pixels: u64,
}

impl Entry {
    /// `None` for the header.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let [capability, multiprocessors, work, pixel, most_pixels] = fields.try_into().ok()?;
        let (major, minor) = capability.split_once('.')?;
        Some(Self {
            compute_capability: (major.parse().ok()?, minor.parse().ok()?),
            multiprocessors: multiprocessors.parse().ok()?,
            work: ["forward", "map", "value + gradient"]
                .iter()
                .position(|&name| name == work)?,
            pixel: Form::ALL.iter().position(|form| form.name() == pixel)?,
            most_pixels: most_pixels.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use fastssim_kernels::geometry::TAPS;

    use super::*;

    fn info(compute_capability: (u32, u32), multiprocessors: u32) -> DeviceInfo {
        DeviceInfo {
            index: 0,
            name: "some GPU".into(),
            memory: 1 << 30,
            compute_capability,
            multiprocessors,
        }
    }

    fn params(channels: u32, height: u32, width: u32, margin: u32) -> Params {
        Params {
            images: 7,
            channels,
            height,
            width,
            margin,
            ..Params::default()
        }
    }

    #[test]
    fn every_line_of_the_table_can_be_read() {
        let (header, entries) = TABLE.split_once('\n').expect("a header");
        assert_eq!(header, "compute_capability,multiprocessors,work,pixel,most_pixels");
        for line in entries.lines() {
            assert!(Entry::parse(line).is_some(), "{line}");
        }
    }

    #[test]
    fn lines_count_for_their_device_work_and_type() {
        let table = "compute_capability,multiprocessors,work,pixel,most_pixels\n\
                     8.6,46,forward,f32,1000\n8.6,46,value + gradient,u8,0\n8.9,58,map,u16,9000000000\n";
        let plan = Plan::from_table(table, &info((8, 6), 46));
        let default = [MOST_PIXELS; KINDS];
        let mut expected = [default; 3];
        expected[0][4] = 1000;
        expected[2][0] = 0;
        assert_eq!(plan.most_pixels, expected);
        for other in [info((8, 6), 82), info((8, 0), 46)] {
            assert_eq!(Plan::from_table(table, &other).most_pixels, [default; 3]);
        }
        let mut expected = default;
        expected[1] = 9_000_000_000;
        assert_eq!(Plan::from_table(table, &info((8, 9), 58)).most_pixels[1], expected);
    }

    #[test]
    fn the_size_of_what_is_computed_decides() {
        let plan = Plan::from_table("8.6,46,forward,f32,1000", &info((8, 6), 46));
        let way = |work, [channels, height, width, margin]: [u32; 4]| {
            plan.way(work, Form::F32, TAPS as u32, &params(channels, height, width, margin))
        };
        assert_eq!(way(Work::Score, [1, 10, 100, 0]), Way::Patch);
        assert_eq!(way(Work::Score, [1, 20, 110, 5]), Way::Patch);
        assert_eq!(way(Work::Score, [2, 10, 100, 0]), Way::March);
        assert_eq!(way(Work::Gradient, [1, 256, 256, 5]), Way::Patch);
        assert_eq!(way(Work::Gradient, [1, 256, 257, 5]), Way::March);
        for (work, taps, expected) in [
            (Work::Score, 13, Way::March),
            (Work::Gradient, 13, Way::Patch),
            (Work::Gradients, 17, Way::Patch),
            (Work::Gradient, 19, Way::Patch),
            (Work::Gradients, 19, Way::Split),
            (Work::Gradient, 21, Way::Split),
        ] {
            assert_eq!(
                plan.way(work, Form::F32, taps, &params(1, 256, 256, 0)),
                expected,
                "{work:?} {taps}"
            );
        }
        let continued = Params {
            padding: Padding::Symmetric as u32,
            ..params(1, 256, 256, 0)
        };
        assert_eq!(plan.way(Work::Gradient, Form::F32, 17, &continued), Way::Patch);
        assert_eq!(plan.way(Work::Gradient, Form::F32, 19, &continued), Way::Split);
        let larger = plan.way(Work::Gradient, Form::F32, 13, &params(1, 256, 257, 0));
        assert_eq!(larger, Way::March);
        let most = u32::MAX;
        assert_eq!(way(Work::Map, [most, most, most, 0]), Way::March);
        plan.force(Some(0));
        assert_eq!(way(Work::Score, [1, 1, 1, 0]), Way::March);
        plan.force(Some(u32::MAX));
        assert_eq!(way(Work::Score, [3, 1000, 1000, 0]), Way::Patch);
        plan.force(None);
        assert_eq!(way(Work::Score, [3, 1000, 1000, 0]), Way::March);
    }
}
