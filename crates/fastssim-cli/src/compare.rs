//! `fastssim compare`: from its arguments to what it prints and writes.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::args::CompareArgs;
use crate::output::{self, Output, Staged};
use crate::record::{Measured, Record, Settings};
use crate::{format, measure, pictures, print};

pub fn run(args: &CompareArgs) -> Result<()> {
    let (Some(reference), Some(distorted)) = (&args.reference, &args.distorted) else {
        bail!("two images are needed; see fastssim --help");
    };
    let map = args.map.as_deref();
    let gradient = args.gradient.as_deref();
    let inputs = [&**reference, &**distorted];
    let map_output = map.map(|path| Output::new(path, &inputs)).transpose()?;
    let taken = [inputs[0], inputs[1], map.unwrap_or(inputs[0])];
    let gradient_output = gradient.map(|path| Output::new(path, &taken)).transpose()?;

    let start = Instant::now();
    let pictures = pictures::read(inputs, &args.input)?;
    let decoding = start.elapsed();
    // The luma of bytes is a float with the range of bytes, so no default of the library's will do.
    let metric = args.metric.metric(pictures.depth.range())?;
    let comparison = measure::measure(&metric, &pictures.pixels, map.is_some(), gradient.is_some())
        .with_context(|| format!("{} and {}", reference.display(), distorted.display()))?;
    let measured = Measured {
        deficit: comparison.deficit,
        dssim: comparison.dssim,
        backend: comparison.backend,
        width: pictures.width as usize,
        height: pictures.height as usize,
        channels: usize::from(pictures.channels),
        pixel_type: pictures.depth.name(),
        data_range: metric.data_range().unwrap_or(pictures.depth.range()),
        time: comparison.time,
        decoding,
    };
    let [a, b] = inputs.map(|path| path.to_string_lossy().into_owned());
    let record = Record::new(a, b, args.input.gray, &Settings::of(&metric)).with(&measured);

    // All files are complete before the first of them gets its name.
    let mut staged: Vec<Staged> = Vec::new();
    if let (Some(output), Some(map)) = (map_output, &comparison.map) {
        staged.push(output.stage(|file| output::write_map(map, file))?);
    }
    if let (Some(output), Some(gradient)) = (gradient_output, &comparison.gradient) {
        staged.push(output.stage(|file| output::write_npy(gradient, file))?);
    }
    for file in staged {
        file.publish()?;
    }
    print(&if args.json {
        format::json(&record)?
    } else {
        format::text(&record)
    })
}
