//! Lists of pairs: CSV, or one JSON object a line.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::StringRecord;
use serde::Deserialize;

use super::{Names, Pair};

/// The pairs that a file lists; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<Pair>> {
    let read = || {
        let mut text = String::new();
        if path == Path::new("-") {
            io::stdin().read_to_string(&mut text)?;
        } else {
            text = fs::read_to_string(path)?;
        }
        let lines = parse(text.strip_prefix('\u{feff}').unwrap_or(&text))?;
        ensure!(!lines.is_empty(), "no pair is listed");
        Ok(lines)
    };
    let lines = read().with_context(|| match path.to_str() {
        Some("-") => "standard input".into(),
        _ => path.display().to_string(),
    })?;
    let mut names = Names::default();
    let pair = |line: Line| Pair {
        label: format!("{} | {}", line.reference.display(), line.distorted.display()),
        name: names.unique(&line.distorted),
        reference: line.reference,
        distorted: line.distorted,
        mask: line.mask,
    };
    Ok(lines.into_iter().map(pair).collect())
}

fn parse(text: &str) -> Result<Vec<Line>> {
    if text.trim_start().starts_with('{') {
        json_lines(text)
    } else {
        csv(text)
    }
}

/// What a line names.
#[derive(Deserialize)]
struct Line {
    reference: PathBuf,
    distorted: PathBuf,
    mask: Option<PathBuf>,
}

fn json_lines(text: &str) -> Result<Vec<Line>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line)| serde_json::from_str(line).map_err(|error| anyhow!("line {}: {error}", at + 1));
    lines.map(parse).collect()
}

fn csv(text: &str) -> Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut columns = None;
    let mut pairs = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| anyhow!("{error}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        if columns.is_none() {
            columns = header(&record);
            if columns.is_some() {
                continue;
            }
        }
        // Without a header there is nothing but the two.
        let ([first, second], mask) = *columns.get_or_insert(([0, 1], None));
        match (record.get(first), record.get(second)) {
            (Some(reference), Some(distorted)) if !reference.is_empty() && !distorted.is_empty() => {
                let mask = mask.and_then(|column| record.get(column));
                pairs.push(Line {
                    reference: reference.into(),
                    distorted: distorted.into(),
                    mask: mask.filter(|mask| !mask.is_empty()).map(PathBuf::from),
                });
            }
            _ => bail!("line {line}: it names no pair; reference,distorted is expected"),
        }
    }
    Ok(pairs)
}

/// Which columns hold the pair, and which its mask, if this is a header.
fn header(record: &StringRecord) -> Option<([usize; 2], Option<usize>)> {
    let find = |name| record.iter().position(|field| field.trim() == name);
    Some(([find("reference")?, find("distorted")?], find("mask")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<[String; 2]> {
        let lines = parse(text).unwrap().into_iter();
        lines
            .map(|line| [line.reference, line.distorted].map(|path| path.display().to_string()))
            .collect()
    }

    #[test]
    fn a_line_may_name_a_mask() {
        for text in [
            "mask,reference,distorted\nm.png,a,b\n,c,d\n",
            "{\"reference\":\"a\",\"distorted\":\"b\",\"mask\":\"m.png\"}\n\
             {\"reference\":\"c\",\"distorted\":\"d\",\"mask\":null}\n",
        ] {
            let masks: Vec<_> = parse(text).unwrap().into_iter().map(|line| line.mask).collect();
            assert_eq!(masks, [Some("m.png".into()), None], "{text}");
        }
        // Without a header there is nothing but the two.
        assert_eq!(parse("a,b,m.png\n").unwrap()[0].mask, None);
    }

    #[test]
    fn csv_with_and_without_a_header() {
        let expected = [["a b.png", "c.png"], ["x,y.png", "z.png"]];
        assert_eq!(pairs("a b.png,c.png\n\"x,y.png\",z.png\n"), expected);
        assert_eq!(
            pairs("reference,distorted\r\na b.png,c.png\r\n\"x,y.png\",z.png"),
            expected
        );
        assert_eq!(
            pairs("ssim,distorted,reference\n0.5,c.png,a b.png\n\n,z.png,\"x,y.png\"\n"),
            expected
        );
    }

    #[test]
    fn json_lines_with_any_other_members() {
        let text = "{\"distorted\":\"b.png\",\"reference\":\"a.png\",\"ssim\":null}\n\n{\"reference\":\"c\",\"distorted\":\"d\"}";
        assert_eq!(pairs(text), [["a.png", "b.png"], ["c", "d"]]);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, part) in [
            ("a,b\nc\n", "line 2"),
            ("a,b\n,d\n", "line 2"),
            ("reference,distorted\na\n", "line 2"),
            (
                "{\"reference\":\"a\",\"distorted\":\"b\"}\n{\"reference\":\"a\"}\n",
                "line 2",
            ),
            ("{\"reference\":\"a\",\"distorted\":\"b\"}\nnonsense\n", "line 2"),
        ] {
            let Err(error) = parse(text) else { panic!("{text}") };
            let error = error.to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
