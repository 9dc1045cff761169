//! The pictures of frames: maps, frames beside each other, and the worst for the report.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use image::RgbImage;

use super::display::rgb;
use super::format::Format;
use super::record::FrameRecord;
use super::score::Scorer;
use super::y4m::Samples;
use crate::args::VideoArgs;
use crate::output::{Output, Taken, write_png};
use crate::report::{Exhibit, Gallery, Shown};
use crate::side_by_side::side_by_side;

/// Makes the pictures that were asked for.
pub struct Exhibits<'a> {
    args: &'a VideoArgs,
    taken: &'a Taken,
    format: Format,
    gallery: Gallery,
}

impl<'a> Exhibits<'a> {
    /// Makes the folders that the pictures go to.
    pub fn new(args: &'a VideoArgs, taken: &'a Taken, format: Format) -> Result<Self> {
        for folder in args.map.iter().chain(&args.side_by_side) {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let limit = args.pictures.report.as_ref().map_or(0, |_| args.pictures.worst);
        Ok(Self {
            args,
            taken,
            format,
            gallery: Gallery::new(limit),
        })
    }

    /// Makes those of a frame, for which its map is computed only if one is wanted.
    pub fn add(
        &mut self,
        record: &FrameRecord,
        scorer: &mut Scorer,
        reference: &Samples,
        distorted: &Samples,
    ) -> Result<()> {
        let wanted = self.gallery.wants(record.ssim, record.frame);
        if !wanted && self.args.map.is_none() && self.args.side_by_side.is_none() {
            return Ok(());
        }
        let deficits = scorer.map(reference, distorted)?.mapv_into(|ssim| 1.0 - ssim);
        let (deficits, scale) = (deficits.view(), self.args.pictures.map_max);
        if let Some(folder) = &self.args.map {
            // The map is that of the luma, and so is the score in the legend.
            let legend = (!self.args.pictures.no_legend).then_some(record.y);
            self.write(folder, record.frame, &scale.picture(deficits, legend))?;
        }
        if !wanted && self.args.side_by_side.is_none() {
            return Ok(());
        }
        let [x, y] = [reference, distorted].map(|samples| rgb(samples, &self.format));
        if let Some(folder) = &self.args.side_by_side {
            self.write(folder, record.frame, &side_by_side(&x, &y, scale, deficits, record.y))?;
        }
        if wanted {
            let shown = Shown {
                reference: &x,
                distorted: &y,
                deficits,
            };
            let name = format!("frame {}", record.frame);
            let exhibit = Exhibit::new(name, record.ssim, record.frame, &shown, scale)?;
            self.gallery.add(exhibit);
        }
        Ok(())
    }

    /// The worst frames.
    pub fn into_worst(self) -> Vec<Exhibit> {
        self.gallery.into_exhibits()
    }

    fn write(&self, folder: &Path, frame: u64, picture: &RgbImage) -> Result<()> {
        let output = Output::new(&folder.join(format!("frame-{frame:06}.png")), self.taken)?;
        output.stage(|file| write_png(picture, file))?.publish()
    }
}
