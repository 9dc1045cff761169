//! What the output file of an interrupted list holds already.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::args::{Format, InputArgs};
use crate::pairs::Pair;
use crate::record::{Record, Settings};

/// The results in a file.
#[derive(Debug, Default)]
pub struct Done {
    pub records: Vec<Record>,
    /// The bytes that they take; what follows was cut off.
    pub length: u64,
}

impl Done {
    /// The results in a file, which need not exist.
    pub fn read(path: &Path, format: Format) -> Result<Self> {
        let read = || {
            let parse = match format {
                Format::Jsonl => json_lines,
                Format::Csv => csv_lines,
                Format::Json | Format::Table => bail!("only --format jsonl and csv can be continued with --resume"),
            };
            match fs::read(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
                read => parse(&read?),
            }
        };
        read().with_context(|| path.display().to_string())
    }

    /// The pairs that are left. All results must be of pairs of the list, and made in the same way.
    pub fn rest(
        &self,
        pairs: Vec<Pair>,
        settings: &Settings,
        range: Option<f64>,
        input: &InputArgs,
    ) -> Result<Vec<Pair>> {
        let mut counts: HashMap<([String; 2], Option<String>), usize> = HashMap::new();
        for record in &self.records {
            let names = format!("{} | {}", record.reference, record.distorted);
            let same_range = range.is_none_or(|range| record.data_range.is_none_or(|found| found == range));
            ensure!(
                record.settings() == *settings && record.gray == input.gray && same_range,
                "the result of {names} was made with other options of the metric"
            );
            *counts
                .entry((
                    [record.reference.clone(), record.distorted.clone()],
                    record.mask.clone(),
                ))
                .or_default() += 1;
        }
        let is_left = |pair: &Pair| {
            let name = |path: &PathBuf| path.to_string_lossy().into_owned();
            let names = [&pair.reference, &pair.distorted].map(name);
            let count = counts
                .get_mut(&(names, pair.mask.as_ref().map(name)))
                .filter(|count| **count > 0);
            count.map(|count| *count -= 1).is_none()
        };
        let masks = pairs.iter().any(|pair| pair.mask.is_some());
        let rest = pairs.into_iter().filter(is_left).collect();
        let other = counts.into_iter().find(|(_, count)| *count > 0);
        if let Some((([a, b], mask), _)) = other {
            let mask = match mask {
                Some(mask) => format!(" with the mask {mask}"),
                None if masks => " without a mask".into(),
                None => String::new(),
            };
            bail!("it has a result of {a} | {b}{mask}, which is not to be compared");
        }
        Ok(rest)
    }
}

fn json_lines(bytes: &[u8]) -> Result<Done> {
    let mut done = Done::default();
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let record = serde_json::from_slice(line);
        done.records
            .push(record.map_err(|error| anyhow!("line {}: not a result: {error}", at + 1))?);
        done.length += line.len() as u64;
    }
    Ok(done)
}

fn csv_lines(bytes: &[u8]) -> Result<Done> {
    let mut done = Done::default();
    let mut reader = csv::Reader::from_reader(bytes);
    let headers = reader.headers().map_err(|error| anyhow!("{error}"))?.clone();
    // The header itself may have been cut off; the records say more than that it is.
    if !bytes.contains(&b'\n') {
        return Ok(done);
    }
    done.length = reader.position().byte();
    loop {
        let mut record = csv::StringRecord::new();
        let read = reader.read_record(&mut record);
        let end = reader.position().byte();
        let is_last = end == bytes.len() as u64;
        // What was cut off lacks its end, or some of its fields.
        let is_cut = is_last && (!bytes.ends_with(b"\n") || read.is_err());
        if is_cut || matches!(read, Ok(false)) {
            return Ok(done);
        }
        let line = record.position().map_or(0, csv::Position::line);
        let parsed = read.and_then(|_| record.deserialize(Some(&headers)));
        done.records
            .push(parsed.map_err(|error| anyhow!("line {line}: not a result: {error}"))?);
        done.length = end;
    }
}

#[cfg(test)]
mod tests {
    use fastssim::Ssim;

    use super::*;
    use crate::format::Printer;

    /// Files of three records, each with its length after the first two.
    fn files() -> [(Format, String, usize); 2] {
        [Format::Jsonl, Format::Csv].map(|format| {
            let mut printer = Printer {
                format,
                single: false,
                color: false,
                threshold: None,
                begun: false,
            };
            let settings = Settings::of(&Ssim::default(), None);
            let lines = ["a", "b\n\"c\"", "d"].map(|name| {
                let record = Record::new([name.into(), "x,\ny".into()], None, false, &settings);
                printer.record(&record, "").unwrap()
            });
            let length = lines[0].len() + lines[1].len();
            (format, lines.concat(), length)
        })
    }

    #[test]
    fn a_file_cut_off_anywhere_has_the_whole_records_before() {
        for (format, text, two) in files() {
            let parse = |length: usize| match format {
                Format::Csv => csv_lines(&text.as_bytes()[..length]),
                _ => json_lines(&text.as_bytes()[..length]),
            };
            let whole = parse(text.len()).unwrap();
            assert_eq!(
                (whole.records.len(), whole.length),
                (3, text.len() as u64),
                "{format:?}"
            );
            assert_eq!(whole.records[1].reference, "b\n\"c\"");
            for length in 0..text.len() {
                let found = parse(length).unwrap();
                assert!(found.length <= length as u64);
                assert_eq!(parse(found.length as usize).unwrap().records.len(), found.records.len());
                if length >= two {
                    assert_eq!(
                        (found.records.len(), found.length),
                        (2, two as u64),
                        "{format:?} {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn another_file_is_refused() {
        assert!(json_lines(b"{\"a\":1}\n").is_err());
        assert!(json_lines(b"nonsense\n").is_err());
        assert!(csv_lines(b"a,b\n1,2\n").is_err());
    }
}
