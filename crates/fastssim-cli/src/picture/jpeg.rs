//! Whether a JPEG file is whole. Its decoder does not say: it fills what is missing of a file that
//! was cut off with gray, which would go into the score.

use memchr::memchr;

/// Whether the markers of the file lead to that of the end of the image.
pub fn is_whole(file: &[u8]) -> bool {
    let mut rest = file;
    // What is not a marker is compressed data, in which 0xff is followed by 0.
    while let Some(at) = memchr(0xff, rest) {
        rest = &rest[at + 1..];
        match rest {
            [0xd9, ..] => return true,
            // Not a marker; fill; or a marker that has no content.
            [0x00 | 0xff | 0x01 | 0xd0..=0xd8, ..] => (),
            // The content, where bytes that look like markers are none.
            [_, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest = rest.get(1 + length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    /// A start, a comment that holds an end marker as a thumbnail does, a scan with a stuffed byte
    /// and a restart marker, fill, another scan, and the end.
    const FILE: &[u8] =
        b"\xff\xd8\xff\xfe\x00\x04\xff\xd9\xff\xda\x00\x03\x01\x12\xff\x00\xff\xd0\x34\xff\xff\xda\x00\x02\x56\xff\xd9";

    #[test]
    fn a_file_is_whole_with_its_end_only() {
        assert!(is_whole(FILE));
        assert!(is_whole(&[FILE, b"\xff\xda and more"].concat()));
        for end in 0..FILE.len() {
            assert!(!is_whole(&FILE[..end]), "{end}");
        }
    }
}
