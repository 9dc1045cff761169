//! What all frames of a video have in common, and the header's line that says it.

use anyhow::{Result, anyhow, bail, ensure};

use super::y4m::MAGIC;

/// The largest frame, in bytes: 16 bits at 4:4:4 of 13000x13000 pixels.
const LARGEST_FRAME: usize = 1 << 30;

/// What all frames of a video have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Format {
    /// Columns of the luma.
    pub width: usize,
    /// Rows of the luma.
    pub height: usize,
    pub chroma: Chroma,
    /// Bits of a sample: 8 to 16. More than 8 are stored in words of 16.
    pub bits: u32,
    /// Frames a second, as a fraction.
    pub rate: Option<[u32; 2]>,
    /// Whether black is 0 and white the largest sample, and not 16 and 235 of 255.
    pub full_range: bool,
}

/// How many samples of colour there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    Gray,
    Yuv420,
    Yuv422,
    Yuv444,
}

impl Chroma {
    /// Columns and rows of luma for each sample of colour; nothing in gray.
    pub fn steps(self) -> Option<[usize; 2]> {
        match self {
            Self::Gray => None,
            Self::Yuv420 => Some([2, 2]),
            Self::Yuv422 => Some([2, 1]),
            Self::Yuv444 => Some([1, 1]),
        }
    }

    /// The customary name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Yuv420 => "4:2:0",
            Self::Yuv422 => "4:2:2",
            Self::Yuv444 => "4:4:4",
        }
    }
}

impl Format {
    /// The columns and rows of each plane: that of Y, then those of U and V.
    pub fn planes(&self) -> Vec<[usize; 2]> {
        let mut planes = vec![[self.width, self.height]];
        if let Some([across, down]) = self.chroma.steps() {
            planes.extend([[self.width.div_ceil(across), self.height.div_ceil(down)]; 2]);
        }
        planes
    }

    /// The largest value of a sample, which is also the data range.
    pub fn largest(&self) -> u16 {
        u16::MAX >> (16 - self.bits)
    }

    /// The samples of a frame; nothing where a frame would be too large.
    pub fn samples(&self) -> Option<usize> {
        // So that nothing below overflows.
        let luma = self.width.checked_mul(self.height)?;
        if luma > LARGEST_FRAME {
            return None;
        }
        let samples: usize = self.planes().iter().map(|[width, height]| width * height).sum();
        (samples * self.sample_bytes() <= LARGEST_FRAME).then_some(samples)
    }

    fn sample_bytes(&self) -> usize {
        if self.bits > 8 { 2 } else { 1 }
    }

    /// Reads the header's line, without its end.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let parameters = line
            .strip_prefix(MAGIC)
            .ok_or_else(|| anyhow!("not a y4m file: it does not begin with YUV4MPEG2"))?;
        let (mut width, mut height, mut rate) = (None, None, None);
        let (mut samples, mut full_range) = ((Chroma::Yuv420, 8), false);
        let text = String::from_utf8_lossy(parameters);
        for parameter in text.split(' ') {
            let Some(name) = parameter.chars().next() else { continue };
            let value = &parameter[name.len_utf8()..];
            match name {
                'W' => width = Some(length("width", value)?),
                'H' => height = Some(length("height", value)?),
                'F' => rate = fraction(value),
                'C' => samples = sample_format(value)?,
                'X' if value.eq_ignore_ascii_case("COLORRANGE=FULL") => full_range = true,
                // Interlacing, the shape of pixels, comments.
                _ => (),
            }
        }
        let (chroma, bits) = samples;
        let format = Self {
            width: width.ok_or_else(|| anyhow!("the header has no width"))?,
            height: height.ok_or_else(|| anyhow!("the header has no height"))?,
            chroma,
            bits,
            rate,
            full_range,
        };
        ensure!(
            format.samples().is_some(),
            "a frame of {}x{} pixels is too large: it would need more than 1 GiB",
            format.width,
            format.height
        );
        Ok(format)
    }
}

fn length(name: &str, value: &str) -> Result<usize> {
    match value.parse() {
        Ok(0) | Err(_) => bail!("the {name} in the header is {value:?}"),
        Ok(length) => Ok(length),
    }
}

/// A fraction like 30000:1001. 0:0 means that it is not known.
fn fraction(value: &str) -> Option<[u32; 2]> {
    let (over, under) = value.split_once(':')?;
    let fraction = [over.parse().ok()?, under.parse().ok()?];
    (!fraction.contains(&0)).then_some(fraction)
}

/// What follows the C of the header: 420jpeg, 422, 444p10, mono10 and the like.
fn sample_format(value: &str) -> Result<(Chroma, u32)> {
    let unknown = || {
        anyhow!(
            "samples of the format C{value} are not supported: it must be mono, 420, 422 or 444, of 8 to 16 bits; \
             ffmpeg converts with -pix_fmt"
        )
    };
    // Where the samples of colour lie between those of luma does not matter to their score.
    let (chroma, bits) = match value {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => return Ok((Chroma::Yuv420, 8)),
        "422" => return Ok((Chroma::Yuv422, 8)),
        "444" => return Ok((Chroma::Yuv444, 8)),
        "mono" => return Ok((Chroma::Gray, 8)),
        _ => match value.split_at_checked(4) {
            Some(("420p", bits)) => (Chroma::Yuv420, bits),
            Some(("422p", bits)) => (Chroma::Yuv422, bits),
            Some(("444p", bits)) => (Chroma::Yuv444, bits),
            Some(("mono", bits)) => (Chroma::Gray, bits),
            _ => return Err(unknown()),
        },
    };
    match bits.parse() {
        Ok(bits @ 8..=16) => Ok((chroma, bits)),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<Format> {
        Format::parse(header.as_bytes())
    }

    #[test]
    fn headers_of_ffmpeg_are_understood() {
        let format = parse("YUV4MPEG2 W352 H288 F30000:1001 Ip A128:117 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=LIMITED");
        let expected = Format {
            width: 352,
            height: 288,
            chroma: Chroma::Yuv420,
            bits: 8,
            rate: Some([30000, 1001]),
            full_range: false,
        };
        assert_eq!(format.unwrap(), expected);
        let format = parse("YUV4MPEG2 W7 H5 F0:0 Ip C422p10 XYSCSS=422P10 XCOLORRANGE=FULL").unwrap();
        assert_eq!(
            (format.chroma, format.bits, format.largest()),
            (Chroma::Yuv422, 10, 1023)
        );
        assert_eq!((format.rate, format.full_range), (None, true));
        assert_eq!(format.planes(), [[7, 5], [4, 5], [4, 5]]);
        // Without a C it is 4:2:0, and an odd size is rounded up.
        let format = parse("YUV4MPEG2 H5 W7").unwrap();
        assert_eq!((format.bits, format.planes()), (8, vec![[7, 5], [4, 3], [4, 3]]));
        for (name, chroma, bits) in [
            ("mono", Chroma::Gray, 8),
            ("mono10", Chroma::Gray, 10),
            ("420jpeg", Chroma::Yuv420, 8),
            ("420paldv", Chroma::Yuv420, 8),
            ("420p12", Chroma::Yuv420, 12),
            ("444", Chroma::Yuv444, 8),
            ("444p16", Chroma::Yuv444, 16),
        ] {
            let format = parse(&format!("YUV4MPEG2 W2 H2 C{name}")).unwrap();
            assert_eq!((format.chroma, format.bits), (chroma, bits), "{name}");
        }
    }
}
