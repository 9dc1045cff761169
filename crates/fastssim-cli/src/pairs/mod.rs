//! What is compared with what: the pairs that the arguments name, in their order.

mod folders;
mod list;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::args::CompareArgs;

/// Two files to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub reference: PathBuf,
    pub distorted: PathBuf,
    /// The file that says what each pixel counts.
    pub mask: Option<PathBuf>,
    /// What the pair is called in a table.
    pub label: String,
    /// The relative path that files about it get, but for their extension. No two pairs have the same.
    pub name: PathBuf,
}

/// All that is to be compared.
#[derive(Debug, Default)]
pub struct Plan {
    pub pairs: Vec<Pair>,
    /// Whether it is one pair, given by its two files: then an error is one of the command.
    pub single: bool,
    /// Files of folders that have no partner, and why.
    pub unpaired: Vec<String>,
    /// Folders that could not be read.
    pub unreadable: Vec<String>,
}

impl Plan {
    /// The pairs that the arguments name, with their masks. There is at least one.
    pub fn new(args: &CompareArgs) -> Result<Self> {
        let mut plan = Self::without_common_mask(args)?;
        for pair in &mut plan.pairs {
            pair.mask = pair.mask.take().or_else(|| args.metric.mask.clone());
        }
        Ok(plan)
    }

    fn without_common_mask(args: &CompareArgs) -> Result<Self> {
        let is_folder = |path: &PathBuf| path.is_dir();
        let plan = match (&args.pairs, &args.reference, &args.distorted[..]) {
            (Some(file), ..) => Self {
                pairs: list::read(file)?,
                ..Self::default()
            },
            (None, Some(reference), [distorted]) if is_folder(reference) && is_folder(distorted) => {
                return folders::pair(reference, distorted, args);
            }
            (None, Some(reference), distorted) => {
                if distorted.len() > 1 || is_folder(reference) != distorted.iter().any(is_folder) {
                    let folder = [reference].into_iter().chain(distorted).find(|path| is_folder(path));
                    if let Some(folder) = folder {
                        bail!(
                            "{}: Is a directory; a folder is compared with one other folder",
                            folder.display()
                        );
                    }
                }
                Self {
                    pairs: one_to_many(reference, distorted),
                    single: distorted.len() == 1,
                    ..Self::default()
                }
            }
            (None, None, _) => bail!("two images are needed; see fastssim --help"),
        };
        ensure!(
            args.include.is_empty() && args.exclude.is_empty(),
            "--include and --exclude choose among the files of two folders"
        );
        ensure!(
            args.masks.is_none(),
            "--masks has masks of the files of two folders; --mask names one for all"
        );
        Ok(plan)
    }
}

fn one_to_many(reference: &Path, distorted: &[PathBuf]) -> Vec<Pair> {
    let mut names = Names::default();
    let pair = |distorted: &PathBuf| Pair {
        reference: reference.to_owned(),
        distorted: distorted.clone(),
        mask: None,
        label: distorted.display().to_string(),
        name: names.unique(distorted),
    };
    distorted.iter().map(pair).collect()
}

/// Names for files about pairs whose own files may lie anywhere.
#[derive(Default)]
struct Names {
    /// How often each name has been given, without regard to case, which some file systems have none of.
    given: HashMap<OsString, usize>,
}

impl Names {
    /// The name of the file, with a number if it has been given before: a.png, a.png.2, a.png.3.
    fn unique(&mut self, path: &Path) -> PathBuf {
        let mut name = path.file_name().unwrap_or(OsStr::new("image")).to_owned();
        loop {
            let count = self.given.entry(name.to_ascii_lowercase()).or_default();
            *count += 1;
            if *count == 1 {
                return name.into();
            }
            name.push(format!(".{count}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names = Names::default();
        let paths = ["x/a.png", "y/a.png", "a.png.2", "z/A.PNG", "b.png"];
        let found = paths.map(|path| names.unique(Path::new(path)).display().to_string());
        assert_eq!(found, ["a.png", "a.png.2", "a.png.2.2", "A.PNG.3", "b.png"]);
    }
}
