//! Two folders: their files, paired by their paths.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use super::{Pair, Plan};
use crate::args::CompareArgs;
use crate::picture;

/// The pairs of two folders, in the order of their paths.
pub fn pair(reference: &Path, distorted: &Path, args: &CompareArgs) -> Result<Plan> {
    let choice = Choice::new(args)?;
    let mut unreadable = Vec::new();
    let [a, b] = [reference, distorted].map(|folder| choice.files(folder, &mut unreadable));
    let (matches, alone) = match_paths(a, b);
    let masks = args.masks.as_deref().map(|folder| Masks::of(folder, &mut unreadable));
    let pair = |[a, b]: [PathBuf; 2]| Pair {
        mask: masks.as_ref().map(|masks| masks.find(&a)),
        label: if a == b {
            a.display().to_string()
        } else {
            format!("{} | {}", a.display(), b.display())
        },
        reference: reference.join(a),
        distorted: distorted.join(&b),
        name: b,
    };
    let pairs: Vec<Pair> = matches.into_iter().map(pair).collect();
    let unpaired: Vec<String> = alone
        .into_iter()
        .map(
            |Alone {
                 in_reference,
                 path,
                 others,
             }| {
                let (folder, other) = if in_reference {
                    (reference, distorted)
                } else {
                    (distorted, reference)
                };
                let path = folder.join(path);
                match others {
                    0 => format!("{}: no partner in {}", path.display(), other.display()),
                    _ => format!(
                        "{}: no partner, as several files differ from it in their extension alone",
                        path.display()
                    ),
                }
            },
        )
        .collect();
    ensure!(
        !pairs.is_empty(),
        "{} and {}: no file has a partner in the other folder ({} without one)",
        reference.display(),
        distorted.display(),
        unpaired.len()
    );
    Ok(Plan {
        pairs,
        unpaired,
        unreadable,
        single: false,
    })
}

/// Which files of a folder are compared: by default all that may be pictures.
#[derive(Default)]
struct Choice {
    /// None for all with an extension of a known format.
    include: Option<Globs>,
    exclude: Globs,
}

/// Patterns of names, and of paths from the folder on.
#[derive(Default)]
struct Globs {
    names: GlobSet,
    paths: GlobSet,
}

impl Globs {
    fn new(option: &str, patterns: &[String]) -> Result<Self> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let glob = GlobBuilder::new(pattern.trim_start_matches("./"))
                .literal_separator(true)
                .build()
                .map_err(|error| anyhow!("{option} {pattern}: {}", error.kind()))?;
            let set = if pattern.contains('/') { &mut paths } else { &mut names };
            set.add(glob);
        }
        Ok(Self {
            names: names.build().context(option.to_owned())?,
            paths: paths.build().context(option.to_owned())?,
        })
    }

    fn match_path(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| self.names.is_match(name)) || self.paths.is_match(path)
    }
}

impl Choice {
    fn new(args: &CompareArgs) -> Result<Self> {
        let include = Globs::new("--include", &args.include)?;
        Ok(Self {
            include: (!args.include.is_empty()).then_some(include),
            exclude: Globs::new("--exclude", &args.exclude)?,
        })
    }

    /// The paths of the files, from the folder on. What cannot be read is noted.
    fn files(&self, folder: &Path, unreadable: &mut Vec<String>) -> BTreeSet<PathBuf> {
        let hidden = |entry: &DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        let entries = WalkDir::new(folder).follow_links(true).into_iter();
        let mut files = BTreeSet::new();
        for entry in entries.filter_entry(|entry| !hidden(entry)) {
            let path = match entry {
                Ok(entry) if entry.file_type().is_file() => entry.into_path(),
                // Folders; and pipes and devices, which are not what a folder of pictures has.
                Ok(_) => continue,
                Err(error) => match error.path() {
                    // A link that leads nowhere is a file that cannot be read.
                    Some(path) if path.is_symlink() && error.loop_ancestor().is_none() => path.to_owned(),
                    _ => {
                        unreadable.push(error.to_string());
                        continue;
                    }
                },
            };
            let path = path.strip_prefix(folder).unwrap_or(&path);
            if self.takes(path) {
                files.insert(path.to_owned());
            }
        }
        files
    }

    fn takes(&self, path: &Path) -> bool {
        let known = || {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| picture::EXTENSIONS.contains(&&*extension.to_ascii_lowercase()))
        };
        let included = self.include.as_ref().map_or_else(known, |globs| globs.match_path(path));
        included && !self.exclude.match_path(path)
    }
}

/// The masks of a folder.
struct Masks<'a> {
    folder: &'a Path,
    /// By their paths without extension.
    paths: BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl<'a> Masks<'a> {
    fn of(folder: &'a Path, unreadable: &mut Vec<String>) -> Self {
        let mut paths: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for path in Choice::default().files(folder, unreadable) {
            paths.entry(path.with_extension("")).or_default().push(path);
        }
        Self { folder, paths }
    }

    /// The mask of a file: that of its path, or the only one that differs from it in its extension alone. Where there
    /// is none, it is a file that does not exist.
    fn find(&self, path: &Path) -> PathBuf {
        let others = self.paths.get(&path.with_extension(""));
        let mask = match others.map(Vec::as_slice) {
            Some([mask]) => mask,
            _ => path,
        };
        self.folder.join(mask)
    }
}

/// A file without a partner.
#[derive(Debug, PartialEq, Eq)]
struct Alone {
    in_reference: bool,
    path: PathBuf,
    /// How many files of the other folder, if not one, have its path but for the extension, and no partner either.
    others: usize,
}

/// Pairs equal paths, and those that differ in their extension alone where there is but one such on each side.
fn match_paths(a: BTreeSet<PathBuf>, b: BTreeSet<PathBuf>) -> (Vec<[PathBuf; 2]>, Vec<Alone>) {
    let mut pairs: BTreeMap<PathBuf, PathBuf> = a.intersection(&b).map(|path| (path.clone(), path.clone())).collect();
    // What is left on each side, by its path without extension.
    let mut rest: BTreeMap<PathBuf, [Vec<PathBuf>; 2]> = BTreeMap::new();
    for (side, paths, others) in [(0, &a, &b), (1, &b, &a)] {
        for path in paths.difference(others) {
            rest.entry(path.with_extension("")).or_default()[side].push(path.clone());
        }
    }
    let mut alone = Vec::new();
    for [left, right] in rest.into_values() {
        if let ([left], [right]) = (&left[..], &right[..]) {
            pairs.insert(left.clone(), right.clone());
            continue;
        }
        let counts = [right.len(), left.len()];
        for ((in_reference, paths), others) in [(true, left), (false, right)].into_iter().zip(counts) {
            alone.extend(paths.into_iter().map(|path| Alone {
                in_reference,
                path,
                others,
            }));
        }
    }
    (pairs.into_iter().map(Into::into).collect(), alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &str) -> BTreeSet<PathBuf> {
        paths.split_whitespace().map(PathBuf::from).collect()
    }

    #[test]
    fn masks_are_found_by_path_or_else_without_extension() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["a.png", "b/a.png", "c.png", "c.npy", "d.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let masks = Masks::of(folder.path(), &mut Vec::new());
        for (path, mask) in [
            ("a.png", "a.png"),
            ("a.jpg", "a.png"),
            ("b/a.jpg", "b/a.png"),
            ("c.png", "c.png"),
            ("c.jpg", "c.jpg"),
            ("d.jpg", "d.jpg"),
        ] {
            assert_eq!(masks.find(Path::new(path)), folder.path().join(mask), "{path}");
        }
    }

    #[test]
    fn paths_are_paired_if_there_is_no_doubt() {
        let a = set("a.png b/a.png c.png d.png e.png e.tiff f.png only");
        let b = set("b/a.png a.jpg c.jpg c.png d.jpg d.webp e.jpg f.png f.jpg x/only");
        let (pairs, alone) = match_paths(a, b);
        let pairs: Vec<String> = pairs
            .iter()
            .map(|[a, b]| format!("{}={}", a.display(), b.display()))
            .collect();
        assert_eq!(pairs, ["a.png=a.jpg", "b/a.png=b/a.png", "c.png=c.png", "f.png=f.png"]);
        let alone: Vec<String> = alone
            .iter()
            .map(|alone| {
                format!(
                    "{}{}{}",
                    if alone.in_reference { "a:" } else { "b:" },
                    alone.path.display(),
                    alone.others
                )
            })
            .collect();
        assert_eq!(
            alone,
            [
                "b:c.jpg0",
                "a:d.png2",
                "b:d.jpg1",
                "b:d.webp1",
                "a:e.png1",
                "a:e.tiff1",
                "b:e.jpg2",
                "b:f.jpg0",
                "a:only0",
                "b:x/only0"
            ]
        );
    }
}
