//! Output files, which appear whole or not at all: written under another name in the same folder,
//! then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use image::RgbImage;
use image::codecs::png::PngEncoder;
use ndarray::{Array3, Axis};
use ndarray_npy::WriteNpyExt;
use tempfile::{NamedTempFile, TempPath};

use crate::interrupt;

/// Where a file is to be written; nothing has been touched yet.
pub struct Output {
    /// As it was given, for messages.
    path: PathBuf,
    /// What that leads to through links.
    target: PathBuf,
    /// Those of the file that will be replaced.
    permissions: Option<fs::Permissions>,
}

/// A file that is complete, and waits for its name.
pub struct Staged {
    path: PathBuf,
    target: PathBuf,
    /// Removed when dropped.
    temporary: TempPath,
}

impl Output {
    /// Checks the path, so that most mistakes are found before any work is done. A file that is
    /// also one of the `taken` ones is refused.
    pub fn new(path: &Path, taken: &[&Path]) -> Result<Self> {
        Self::check(path, taken).with_context(|| path.display().to_string())
    }

    fn check(path: &Path, taken: &[&Path]) -> Result<Self> {
        let target = resolve(path)?;
        let same = |other: &&Path| resolve(other).is_ok_and(|other| other == target);
        ensure!(
            !taken.iter().any(same),
            "this would overwrite an input or the other output"
        );
        let permissions = match fs::metadata(&target) {
            Ok(metadata) => {
                // Renaming onto a device would replace it.
                ensure!(metadata.is_file(), "not a regular file");
                OpenOptions::new().write(true).open(&target)?;
                Some(metadata.permissions())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            path: path.to_owned(),
            target,
            permissions,
        })
    }

    /// Writes the content, under a name that is not yet the file's own.
    pub fn stage(self, write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<Staged> {
        let temporary = self
            .write_temporary(write)
            .with_context(|| self.path.display().to_string())?;
        Ok(Staged {
            path: self.path,
            target: self.target,
            temporary,
        })
    }

    fn write_temporary(&self, write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<TempPath> {
        let folder = self.target.parent().unwrap_or(Path::new("."));
        let (file, temporary) = interrupt::guarded(|| create(folder))
            // Its text names the temporary file, which means nothing to the user.
            .map_err(|error| anyhow!("cannot create a file in {}: {}", folder.display(), error.kind()))?
            .into_parts();
        let mut writer = BufWriter::new(&file);
        write(&mut writer)?;
        writer.flush()?;
        if let Some(permissions) = &self.permissions {
            file.set_permissions(permissions.clone())?;
        }
        // Otherwise a file system may keep the name and lose the content when power fails.
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Staged {
    /// Gives the file its name, in place of a file that had it.
    pub fn publish(self) -> Result<()> {
        self.temporary
            .persist(&self.target)
            .map_err(|error| error.error)
            .with_context(|| self.path.display().to_string())
    }
}

/// The absolute path of a file that may not exist yet, in a folder that does.
fn resolve(path: &Path) -> Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => (),
        other => return Ok(other?),
    }
    let name = path.file_name().ok_or_else(|| anyhow!("not the name of a file"))?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = folder
        .canonicalize()
        .with_context(|| format!("the folder {}", folder.display()))?;
    Ok(folder.join(name))
}

/// An empty file under a name of its own, with the permissions that a new file has.
fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fastssim-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Writes an array as NumPy does.
pub fn write_npy(array: &Array3<f32>, writer: impl Write) -> Result<()> {
    Ok(array.write_npy(writer)?)
}

/// Writes a map of SSIM, (channels, height, width), as a picture of the places that differ.
pub fn write_map(map: &Array3<f32>, writer: impl Write) -> Result<()> {
    Ok(picture(map).write_with_encoder(PngEncoder::new(writer))?)
}

/// 1 − SSIM averaged over the channels, from 0 to 1, on the colour scale.
fn picture(map: &Array3<f32>) -> RgbImage {
    let (channels, height, width) = map.dim();
    let scale: Vec<[u8; 3]> = (0..256)
        .map(|step| colorous::INFERNO.eval_rational(step, 256).into_array())
        .collect();
    let not_a_number = [0, 255, 0];
    let sums = map.sum_axis(Axis(0));
    RgbImage::from_fn(width as u32, height as u32, |column, row| {
        let dssim = 1.0 - sums[[row as usize, column as usize]] / channels as f32;
        image::Rgb(if dssim.is_nan() {
            not_a_number
        } else {
            scale[(dssim.clamp(0.0, 1.0) * 255.0).round() as usize]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_runs_from_black_to_pale_yellow_and_marks_nan() {
        let map = Array3::from_shape_vec((1, 1, 5), vec![1.0, 0.0, -1.0, 0.5, f32::NAN]).unwrap();
        let colors: Vec<_> = picture(&map).pixels().map(|pixel| pixel.0).collect();
        assert_eq!(colors[0], [0, 0, 4]);
        assert_eq!(colors[1], [252, 255, 164]);
        assert_eq!(colors[2], colors[1]);
        assert_eq!(colors[3], [187, 55, 84]);
        assert_eq!(colors[4], [0, 255, 0]);
    }

    #[test]
    fn channels_are_averaged() {
        let map = Array3::from_shape_vec((3, 1, 2), vec![1.0, 0.5, 0.5, 0.5, 0.0, 0.5]).unwrap();
        let colors: Vec<_> = picture(&map).pixels().map(|pixel| pixel.0).collect();
        assert_eq!(colors[0], colors[1]);
    }
}
