//! The pictures of a pair: its map, the three beside each other, and those of the report, if it is among the worst.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use image::RgbImage;
use ndarray::{Array2, ArrayView3};

use crate::args::PictureArgs;
use crate::heatmap;
use crate::picture::Picture;
use crate::report::{self, Gallery};
use crate::side_by_side::{displayable, side_by_side};

/// What is known of the pictures before there is a map.
pub struct Exhibits<'a> {
    args: &'a PictureArgs,
    gallery: &'a Mutex<Gallery>,
    /// The place of the pair among all.
    index: u64,
    ssim: f64,
    /// Whether the report may show this pair.
    pub wanted: bool,
}

/// A pair and its map.
pub struct Shown<'a> {
    exhibits: Exhibits<'a>,
    pictures: [&'a Picture; 2],
    /// What is shown as white.
    white: f64,
    deficits: Array2<f32>,
}

impl<'a> Exhibits<'a> {
    pub fn new(args: &'a PictureArgs, gallery: &'a Mutex<Gallery>, index: u64, ssim: f64) -> Self {
        let wanted = lock(gallery).wants(ssim, index);
        Self {
            args,
            gallery,
            index,
            ssim,
            wanted,
        }
    }

    /// The pictures, with a map of SSIM, (channels, height, width).
    pub fn show(self, pictures: [&'a Picture; 2], white: f64, ssim: ArrayView3<'_, f32>) -> Shown<'a> {
        Shown {
            exhibits: self,
            pictures,
            white,
            deficits: heatmap::deficits(ssim),
        }
    }
}

impl Shown<'_> {
    /// The map, with its legend if that is wanted.
    pub fn map(&self) -> RgbImage {
        let Exhibits { args, ssim, .. } = &self.exhibits;
        args.map_max
            .picture(self.deficits.view(), (!args.no_legend).then_some(*ssim))
    }

    /// All three.
    pub fn side_by_side(&self) -> RgbImage {
        let Exhibits { args, ssim, .. } = &self.exhibits;
        let [reference, distorted] = self.displayable();
        side_by_side(&reference, &distorted, args.map_max, self.deficits.view(), *ssim)
    }

    /// Adds them to the report, if it wants them.
    pub fn exhibit(&self, name: &str) -> Result<()> {
        let Exhibits {
            gallery, index, ssim, ..
        } = self.exhibits;
        if !self.exhibits.wanted {
            return Ok(());
        }
        let [reference, distorted] = self.displayable();
        let shown = report::Shown {
            reference: &reference,
            distorted: &distorted,
            deficits: self.deficits.view(),
        };
        let exhibit = report::Exhibit::new(name.into(), ssim, index, &shown, self.exhibits.args.map_max)?;
        lock(gallery).add(exhibit);
        Ok(())
    }

    fn displayable(&self) -> [RgbImage; 2] {
        self.pictures.map(|picture| displayable(picture, self.white))
    }
}

fn lock(gallery: &Mutex<Gallery>) -> MutexGuard<'_, Gallery> {
    gallery.lock().unwrap_or_else(PoisonError::into_inner)
}
