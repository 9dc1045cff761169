//! How files become pictures: what is done with colour and transparency.

use std::fmt;

use clap::Args;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// Compare in gray: the luma 0.299 R + 0.587 G + 0.114 B
    ///
    /// These are the weights of ITU-R BT.601, applied to the samples as they are stored. The luma
    /// stays a floating-point number: rounding it to 8 bits, as a gray file would, changes the score.
    /// A gray image is its own luma, so it can be compared with one in colour.
    #[arg(long)]
    pub gray: bool,

    /// What to do with transparency: `drop` it, or blend onto `white`, `black` or RRGGBB
    ///
    /// Without it an image with an alpha channel is an error, since transparency has no SSIM.
    /// `drop` compares the colours as they are stored, however transparent. A blend is rounded to
    /// the image's own depth.
    #[arg(long, value_name = "COLOR", value_parser = Alpha::parse)]
    pub alpha: Option<Alpha>,

    /// Refuse an image that takes more memory than this when decoded: bytes, or with K, M or G
    ///
    /// A small file can claim to be a picture of any size. As many images as twice the number of threads are in
    /// memory at a time.
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = Size::parse, allow_negative_numbers = true)]
    pub max_image_size: Size,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (digits, shift) = match text.as_bytes().last() {
            Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
            Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
            Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
            _ => (text, 0),
        };
        let number = digits.parse::<u64>().ok().filter(|_| !digits.starts_with('+'));
        let bytes = number.and_then(|number| number.checked_mul(1 << shift));
        bytes.map(Self).ok_or("expected a number of bytes, such as 512M or 2G")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = |shift: u32| self.0 > 0 && self.0.trailing_zeros() >= shift;
        match self.0 {
            bytes if unit(30) => write!(f, "{} GiB", bytes >> 30),
            bytes if unit(20) => write!(f, "{} MiB", bytes >> 20),
            bytes if unit(10) => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// What becomes of an alpha channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alpha {
    /// It is ignored.
    Drop,
    /// The image is blended onto this colour: red, green and blue from 0 to 1.
    Onto([f32; 3]),
}

impl Alpha {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "drop" => return Ok(Self::Drop),
            "white" => return Ok(Self::Onto([1.0; 3])),
            "black" => return Ok(Self::Onto([0.0; 3])),
            _ => (),
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        // `from_str_radix` would take a sign for a digit.
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("expected drop, white, black or six hexadecimal digits RRGGBB");
        }
        let rgb = u32::from_str_radix(digits, 16).map_err(|_| "not a colour")?;
        let [_, r, g, b] = rgb.to_be_bytes();
        Ok(Self::Onto([r, g, b].map(|component| f32::from(component) / 255.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes, shown) in [
            ("512M", 512 << 20, "512 MiB"),
            ("2g", 2 << 30, "2 GiB"),
            ("3K", 3 << 10, "3 KiB"),
            ("1025", 1025, "1025 bytes"),
            ("0", 0, "0 bytes"),
        ] {
            assert_eq!(Size::parse(text), Ok(Size(bytes)));
            assert_eq!(Size(bytes).to_string(), shown);
        }
        for wrong in ["", "M", "-1", "+1", "1.5G", "1T", "99999999999G", "é"] {
            assert!(Size::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn colours_are_names_or_six_digits() {
        assert_eq!(Alpha::parse("drop"), Ok(Alpha::Drop));
        assert_eq!(Alpha::parse("white"), Ok(Alpha::Onto([1.0; 3])));
        assert_eq!(Alpha::parse("#ff0033"), Ok(Alpha::Onto([1.0, 0.0, 0.2])));
        assert_eq!(Alpha::parse("FF0033"), Alpha::parse("ff0033"));
        for wrong in [
            "", "#", "red", "fff", "ff00334", "+f0033", "ff003g", "##ff0033", "é0033",
        ] {
            assert!(Alpha::parse(wrong).is_err(), "{wrong}");
        }
    }
}
