//! Output files, which appear whole or not at all: written under another name in the same folder,
//! then renamed.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use image::RgbImage;
use image::codecs::png::PngEncoder;
use ndarray_npy::WriteNpyExt;
use tempfile::{NamedTempFile, TempPath};

use crate::interrupt;
use crate::measure::Gradient;

const OVERWRITES: &str = "this would overwrite an input or the other output";

/// Where a file is to be written; nothing has been touched yet.
pub struct Output {
    /// As it was given, for messages.
    path: PathBuf,
    /// What that leads to through links.
    target: PathBuf,
    /// Those of the file that will be replaced.
    permissions: Option<fs::Permissions>,
}

/// A file that is being written, under a name that is not yet its own.
pub struct Writing {
    output: Output,
    file: BufWriter<File>,
    temporary: Temporary,
}

/// A file that is complete, and waits for its name.
pub struct Staged {
    path: PathBuf,
    target: PathBuf,
    temporary: Temporary,
}

/// The files that no output may replace: the inputs, and the other outputs.
#[derive(Debug, Default)]
pub struct Taken(HashSet<PathBuf>);

impl Taken {
    /// Adds a file; one that cannot be is none.
    pub fn add(&mut self, path: &Path) {
        self.0.extend(resolve(path));
    }
}

impl Output {
    /// Checks the path, so that most mistakes are found before any work is done. A file that is
    /// also one of the `taken` ones is refused.
    pub fn new(path: &Path, taken: &Taken) -> Result<Self> {
        Self::check(path, taken).with_context(|| path.display().to_string())
    }

    fn check(path: &Path, taken: &Taken) -> Result<Self> {
        let target = resolve(path)?;
        ensure!(!taken.0.contains(&target), OVERWRITES);
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

    /// Refuses two outputs that are one file.
    pub fn check_differs(&self, other: &Self) -> Result<()> {
        ensure!(self.target != other.target, "{}: {OVERWRITES}", self.path.display());
        Ok(())
    }

    /// Makes the file, under a name that is not yet its own.
    pub fn begin(self) -> Result<Writing> {
        let folder = self.target.parent().unwrap_or(Path::new("."));
        let made = interrupt::guarded(|| create(folder))
            // Its text names the temporary file, which means nothing to the user.
            .map_err(|error| anyhow!("cannot create a file in {}: {}", folder.display(), error.kind()));
        let (file, temporary) = made.with_context(|| self.path.display().to_string())?.into_parts();
        Ok(Writing {
            output: self,
            file: BufWriter::new(file),
            temporary: Temporary(Some(temporary)),
        })
    }

    /// Writes the whole content.
    pub fn stage(self, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<Staged> {
        let mut writing = self.begin()?;
        write(&mut writing.file).with_context(|| writing.output.path.display().to_string())?;
        writing.finish()
    }
}

impl Writing {
    /// Adds to the content.
    pub fn write(&mut self, text: &str) -> Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| self.output.path.display().to_string())
    }

    /// Nothing will be added any more.
    pub fn finish(mut self) -> Result<Staged> {
        self.complete()
            .with_context(|| self.output.path.display().to_string())?;
        Ok(Staged {
            path: self.output.path,
            target: self.output.target,
            temporary: self.temporary,
        })
    }

    fn complete(&mut self) -> Result<()> {
        self.file.flush()?;
        let file = self.file.get_ref();
        if let Some(permissions) = &self.output.permissions {
            file.set_permissions(permissions.clone())?;
        }
        // Otherwise a file system may keep the name and lose the content when power fails.
        Ok(file.sync_all()?)
    }
}

impl Staged {
    /// Gives the file its name, in place of a file that had it.
    pub fn publish(mut self) -> Result<()> {
        self.temporary
            .persist(&self.target)
            .with_context(|| self.path.display().to_string())
    }
}

/// A file that is removed when this is dropped, or by a signal.
struct Temporary(Option<TempPath>);

impl Temporary {
    /// Gives it a name, and keeps it.
    fn persist(&mut self, target: &Path) -> io::Result<()> {
        let Some(path) = self.0.take() else { return Ok(()) };
        let temporary = path.to_path_buf();
        let result = path.persist(target).map_err(|error| error.error);
        interrupt::release(&temporary);
        result
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let temporary = path.to_path_buf();
            drop(path);
            interrupt::release(&temporary);
        }
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

/// Writes a gradient as NumPy does.
pub fn write_npy(gradient: &Gradient, writer: impl Write) -> Result<()> {
    match gradient {
        Gradient::F32(array) => array.write_npy(writer),
        Gradient::F64(array) => array.write_npy(writer),
    }?;
    Ok(())
}

/// Writes a picture as PNG.
pub fn write_png(picture: &RgbImage, writer: impl Write) -> Result<()> {
    Ok(picture.write_with_encoder(PngEncoder::new(writer))?)
}
