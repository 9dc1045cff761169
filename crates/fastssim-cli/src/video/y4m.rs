//! YUV4MPEG2 ("y4m"): a stream of uncompressed frames, read one at a time.
//!
//! A header line `YUV4MPEG2 W<width> H<height> C<samples> …`, then for each frame a line `FRAME …` and its planes: Y,
//! then U and V unless the video is gray, row by row, in bytes or in little-endian words.
//!
//! The crate `y4m` (0.8) will not do: to it a file that is cut off within a frame is a file that ends there, it knows no
//! gray of 10 bits, and sizes from a hostile header overflow.

use std::io::{ErrorKind, Read};

use anyhow::{Context, Result, bail, ensure};

use super::format::Format;

/// What a file begins with.
pub const MAGIC: &[u8] = b"YUV4MPEG2 ";
/// The longest line of a header that is read, in bytes. Those of ffmpeg have about 100.
const LONGEST_LINE: usize = 4096;

/// The samples of a frame, plane after plane.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Of 8 bits.
    U8(Vec<u8>),
    /// Of 9 to 16 bits.
    U16(Vec<u16>),
}

impl Default for Samples {
    fn default() -> Self {
        Self::U8(Vec::new())
    }
}

/// Frames as they arrive.
pub struct Reader<R> {
    stream: R,
    format: Format,
    /// How many frames have been read.
    frames: u64,
    /// The bytes of a frame whose samples are words.
    bytes: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Reads the header. The stream should be buffered.
    pub fn new(mut stream: R) -> Result<Self> {
        let mut line = Vec::new();
        let whole = read_line(&mut stream, &mut line)?;
        ensure!(!line.is_empty() || whole, "the file is empty");
        // What is no video at all is that first, however it ends.
        ensure!(
            line.starts_with(MAGIC) || MAGIC.starts_with(&line),
            "not a y4m file: it does not begin with YUV4MPEG2"
        );
        ensure!(whole, "unexpected end of file in the header");
        Ok(Self {
            stream,
            format: Format::parse(&line)?,
            frames: 0,
            bytes: Vec::new(),
        })
    }

    /// What all frames have in common.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Reads the next frame into the samples, whose memory is used again; false after the last frame.
    pub fn read(&mut self, samples: &mut Samples) -> Result<bool> {
        let frame = self.frames;
        let more = self.read_frame(samples).with_context(|| format!("frame {frame}"))?;
        self.frames += u64::from(more);
        Ok(more)
    }

    fn read_frame(&mut self, samples: &mut Samples) -> Result<bool> {
        let mut line = std::mem::take(&mut self.bytes);
        let whole = read_line(&mut self.stream, &mut line)?;
        if line.is_empty() && !whole {
            return Ok(false);
        }
        let marker = line.strip_prefix(b"FRAME");
        let is_frame = marker.is_some_and(|rest| rest.is_empty() || rest[0] == b' ');
        ensure!(
            whole || !(is_frame || b"FRAME".starts_with(&line)),
            "unexpected end of file"
        );
        ensure!(
            is_frame,
            "it does not begin with FRAME; the sizes in the file's header may be wrong"
        );
        self.bytes = line;
        let count = self.format.samples().unwrap_or_default();
        if self.format.bits == 8 {
            let mut bytes = match std::mem::take(samples) {
                Samples::U8(bytes) => bytes,
                Samples::U16(_) => Vec::new(),
            };
            self.fill(&mut bytes, count)?;
            *samples = Samples::U8(bytes);
        } else {
            let mut bytes = std::mem::take(&mut self.bytes);
            self.fill(&mut bytes, 2 * count)?;
            let mut words = match std::mem::take(samples) {
                Samples::U16(words) => words,
                Samples::U8(_) => Vec::new(),
            };
            self.to_words(&bytes, &mut words)?;
            self.bytes = bytes;
            *samples = Samples::U16(words);
        }
        Ok(true)
    }

    /// Reads so many bytes. Memory grows with what arrives, not with what a header promises.
    fn fill(&mut self, bytes: &mut Vec<u8>, count: usize) -> Result<()> {
        bytes.clear();
        let found = (&mut self.stream).take(count as u64).read_to_end(bytes)?;
        ensure!(
            found == count,
            "unexpected end of file: {found} of {count} bytes of the frame"
        );
        Ok(())
    }

    fn to_words(&self, bytes: &[u8], words: &mut Vec<u16>) -> Result<()> {
        words.clear();
        words.extend(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        let (found, largest) = (words.iter().copied().max(), self.format.largest());
        match found {
            // Samples at the upper end of their words, or in the other order of bytes.
            Some(found) if found > largest => bail!(
                "it has a sample of {found}, more than the {largest} of {} bits",
                self.format.bits
            ),
            _ => Ok(()),
        }
    }
}

/// Reads a line without its end; false where the stream ends before the line does.
fn read_line(stream: &mut impl Read, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return Ok(false),
            Ok(_) if byte[0] == b'\n' => return Ok(true),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => return Err(error.into()),
        }
        // Something else than a video may have no line's end at all.
        if line.len() > LONGEST_LINE {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(bytes: &[u8], reason: &str) {
        let mut samples = Samples::default();
        let error = Reader::new(bytes).and_then(|mut reader| {
            while reader.read(&mut samples)? {}
            Ok(())
        });
        let error = format!("{:#}", error.expect_err("no error"));
        assert!(error.contains(reason), "{error:?} does not contain {reason:?}");
    }

    #[test]
    fn broken_headers_have_their_reason() {
        for (header, reason) in [
            ("", "the file is empty"),
            ("\u{89}PNG\r\n\u{1a}\n", "not a y4m file"),
            ("YUV4M", "unexpected end of file in the header"),
            ("YUV4MPEG2 W4 H4", "unexpected end of file in the header"),
            ("YUV4MPEG2 H4\n", "no width"),
            ("YUV4MPEG2 W4\n", "no height"),
            ("YUV4MPEG2 W0 H4\n", "the width in the header is \"0\""),
            ("YUV4MPEG2 W-4 H4\n", "the width in the header is \"-4\""),
            ("YUV4MPEG2 W4 H4x\n", "the height in the header is \"4x\""),
            ("YUV4MPEG2 W4 H4 C411\n", "C411 are not supported"),
            ("YUV4MPEG2 W4 H4 C444alpha\n", "C444alpha are not supported"),
            ("YUV4MPEG2 W4 H4 C420p32\n", "C420p32 are not supported"),
            ("YUV4MPEG2 W4 H4 C4é\n", "C4é are not supported"),
            ("YUV4MPEG2 W100000 H100000\n", "too large"),
            ("YUV4MPEG2 W4294967296 H4294967296\n", "too large"),
            ("YUV4MPEG2 W18446744073709551616 H4\n", "the width in the header"),
        ] {
            refused(header.as_bytes(), reason);
        }
        refused(&[b"YUV4MPEG2 W4 H4 X", &vec![b'x'; 10_000][..]].concat(), "frame 0: ");
    }

    #[test]
    fn frames_are_read_into_memory_used_before() {
        let stream = b"YUV4MPEG2 W3 H1 C422\nFRAME\nabcUuVvFRAME Ip\ndefWwXx";
        let mut reader = Reader::new(&stream[..]).unwrap();
        let mut samples = Samples::U16(vec![1]);
        assert!(reader.read(&mut samples).unwrap());
        assert_eq!(samples, Samples::U8(b"abcUuVv".to_vec()));
        assert!(reader.read(&mut samples).unwrap());
        assert_eq!(samples, Samples::U8(b"defWwXx".to_vec()));
        assert!(!reader.read(&mut samples).unwrap());

        let stream = b"YUV4MPEG2 W2 H1 Cmono10\nFRAME\n\xff\x03\x01\x02FRAME\n\x00\x00\x02\x00";
        let mut reader = Reader::new(&stream[..]).unwrap();
        assert!(reader.read(&mut samples).unwrap());
        assert_eq!(samples, Samples::U16(vec![1023, 513]));
        assert!(reader.read(&mut samples).unwrap());
        assert_eq!(samples, Samples::U16(vec![0, 2]));
        assert!(!reader.read(&mut samples).unwrap());
    }

    #[test]
    fn a_video_that_is_cut_off_anywhere_is_an_error() {
        let stream = b"YUV4MPEG2 W2 H2 Cmono\nFRAME\nabcdFRAME\nefgh";
        let whole = [stream.len(), stream.len() - 10, 22];
        for end in 23..stream.len() {
            if !whole.contains(&end) {
                refused(&stream[..end], "unexpected end of file");
                let frame = if end < 32 { "frame 0: " } else { "frame 1: " };
                refused(&stream[..end], frame);
            }
        }
        refused(
            b"YUV4MPEG2 W2 H2 Cmono\nFRAME\nabcd FRAME\n",
            "frame 1: it does not begin with FRAME",
        );
        refused(
            b"YUV4MPEG2 W2 H2 Cmono\nFRAMES\nabcd",
            "frame 0: it does not begin with FRAME",
        );
        refused(b"YUV4MPEG2 W2 H2 Cmono\nabcd", "frame 0: it does not begin with FRAME");
        // More is promised than there is, and no more memory is taken than there is.
        refused(
            b"YUV4MPEG2 W16000 H16000 C444\nFRAME\nabcd",
            "frame 0: unexpected end of file: 4 of 768000000",
        );
        refused(
            b"YUV4MPEG2 W1 H1 Cmono10\nFRAME\n\x40\xff",
            "a sample of 65344, more than the 1023 of 10 bits",
        );
    }

    /// Whatever the bytes, there are frames of the size that the header says, or an error.
    #[test]
    fn damaged_streams_are_read_or_refused() {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let whole = b"YUV4MPEG2 W6 H4 F25:1 Ip C420p10 XCOLORRANGE=FULL\nFRAME\n".to_vec();
        let (mut read, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let mut stream = whole.clone();
            stream.extend(std::iter::repeat_n(1, 72));
            for _ in 0..=random(3) {
                let at = random(stream.len());
                match random(3) {
                    0 => stream[at] = random(256) as u8,
                    1 => stream.truncate(at),
                    _ => stream.insert(at, b"0159WHC: \n"[random(10)]),
                }
                stream.push(b'\n');
            }
            let mut samples = Samples::default();
            let result = Reader::new(&stream[..]).and_then(|mut reader| {
                while reader.read(&mut samples)? {
                    let found = match &samples {
                        Samples::U8(bytes) => bytes.len(),
                        Samples::U16(words) => words.len(),
                    };
                    assert_eq!(Some(found), reader.format().samples());
                    read += 1;
                }
                Ok(())
            });
            refused += usize::from(result.is_err());
        }
        assert!(read > 1000 && refused > 1000, "{read} {refused}");
    }
}
