//! Where a video comes from: a y4m file, a pipe of one, standard input, or any other file, which ffmpeg then decodes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};

use super::format::Format;
use super::y4m::{MAGIC, Reader, Samples};

/// What ffmpeg converts to, unless the video is in one of these already: all that y4m and the metric know.
const PIXEL_FORMATS: &str = "format=pix_fmts=yuv420p|yuv422p|yuv444p|yuvj420p|yuvj422p|yuvj444p|gray\
    |yuv420p10le|yuv422p10le|yuv444p10le|gray10le|yuv420p12le|yuv422p12le|yuv444p12le|gray12le\
    |yuv420p14le|yuv422p14le|yuv444p14le|yuv420p16le|yuv422p16le|yuv444p16le|gray16le";

/// The bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// How long ffmpeg may take to end when its output has ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// A video whose header has been read.
pub struct Source {
    /// As it was given.
    name: String,
    reader: Reader<Box<dyn Read + Send>>,
    /// Who decodes it, if it is not y4m as it is.
    ffmpeg: Option<Ffmpeg>,
}

impl Source {
    /// Opens the video: `-` is standard input.
    pub fn open(path: &Path) -> Result<Self> {
        let name = match path.to_str() {
            Some("-") => "standard input".into(),
            _ => path.display().to_string(),
        };
        Self::open_named(path, &name).with_context(|| name.clone())
    }

    fn open_named(path: &Path, name: &str) -> Result<Self> {
        let is_stdin = path == Path::new("-");
        let mut stream: BufReader<Box<dyn Read + Send>> = if is_stdin {
            BufReader::with_capacity(BUFFER, Box::new(io::stdin()))
        } else {
            BufReader::with_capacity(BUFFER, Box::new(File::open(path)?))
        };
        let (start, mut ffmpeg) = (first_bytes(&mut stream)?, None);
        if !start.is_empty() && start != MAGIC && !MAGIC.starts_with(&start) {
            // What a pipe has given cannot be read again.
            if is_stdin || !path.metadata()?.is_file() {
                bail!(
                    "not a y4m stream: it does not begin with YUV4MPEG2; ffmpeg makes one with -f yuv4mpegpipe \
                     -strict -1"
                );
            }
            let (decoder, output) = Ffmpeg::start(path)?;
            stream = BufReader::with_capacity(BUFFER, Box::new(output));
            ffmpeg = Some(decoder);
        }
        let stream: Box<dyn Read + Send> = if ffmpeg.is_some() {
            Box::new(stream)
        } else {
            Box::new(io::Cursor::new(start).chain(stream))
        };
        let reader = match (Reader::new(stream), ffmpeg.as_mut()) {
            (Ok(reader), _) => reader,
            // That there is no header is not the fault.
            (Err(error), Some(ffmpeg)) => return Err(ffmpeg.failure().unwrap_or(error)),
            (Err(error), None) => return Err(error),
        };
        Ok(Self {
            name: name.to_owned(),
            reader,
            ffmpeg,
        })
    }

    /// What all frames have in common.
    pub fn format(&self) -> Format {
        *self.reader.format()
    }

    /// Reads the next frame into the samples, whose memory is used again; false after the last frame.
    pub fn read(&mut self, samples: &mut Samples) -> Result<bool> {
        let more = match (self.reader.read(samples), self.ffmpeg.as_mut()) {
            (Ok(true), _) => return Ok(true),
            (Ok(false), Some(ffmpeg)) => ffmpeg.finish().map(|()| false),
            // A frame that ends early, say, because ffmpeg has failed.
            (Err(error), Some(ffmpeg)) => Err(ffmpeg.failure().unwrap_or(error)),
            (other, None) => other,
        };
        more.with_context(|| self.name.clone())
    }
}

/// As many bytes as decide whether this is y4m, or all there are if those are fewer.
fn first_bytes(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    stream.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// A decoder that runs beside this program, and ends with it.
struct Ffmpeg {
    child: Child,
    /// Reads what it says, and returns the first line.
    messages: Option<JoinHandle<String>>,
}

impl Ffmpeg {
    fn start(path: &Path) -> Result<(Self, ChildStdout)> {
        let mut input = std::ffi::OsString::from("file:");
        input.push(path);
        let mut command = Command::new("ffmpeg");
        // Ctrl-C is for this program alone, which then has no use for it any more.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(input)
            // The first video that is no cover picture; every frame of it once, whatever its time.
            .args(["-map", "0:V:0", "-vf", PIXEL_FORMATS, "-fps_mode", "passthrough"])
            .args(["-f", "yuv4mpegpipe", "-strict", "-1", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => anyhow!(
                    "not a y4m file, and ffmpeg, which could decode others, is not installed: install it, or convert \
                     the video to y4m elsewhere"
                ),
                kind => anyhow!("not a y4m file, and ffmpeg, which could decode others, does not start: {kind}"),
            })?;
        let output = child.stdout.take().ok_or_else(|| anyhow!("ffmpeg has no output"))?;
        let messages = child
            .stderr
            .take()
            .map(|errors| thread::spawn(move || first_line(errors)));
        Ok((Self { child, messages }, output))
    }

    /// What went wrong, if it has failed: one that has ends within [`PATIENCE`].
    fn failure(&mut self) -> Option<Error> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                _ => return self.finish().err(),
            }
        }
        None
    }

    /// Waits for its end, and returns what went wrong. What it says of frames that it could mend is passed on.
    fn finish(&mut self) -> Result<()> {
        let status = self.child.wait().context("ffmpeg")?;
        let said = self
            .messages
            .take()
            .and_then(|messages| messages.join().ok())
            .unwrap_or_default();
        match (status.success(), said.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => bail!("ffmpeg found the video damaged: {said}"),
            (false, true) => bail!("ffmpeg failed: {status}"),
            (false, false) => bail!("ffmpeg failed: {said}"),
        }
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line, which is the cause of those that follow, without the part of ffmpeg that says it. All are read, so
/// that ffmpeg need not wait.
fn first_line(errors: impl Read) -> String {
    let (mut reader, mut line, mut first) = (BufReader::new(errors), Vec::new(), String::new());
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        if first.is_empty() {
            let text = String::from_utf8_lossy(&line);
            // [mov,mp4,m4a,3gp,3g2,mj2 @ 0x55d5c8] moov atom not found
            let (part, rest) = text.split_once("] ").unwrap_or(("", &text));
            first = if part.contains(" @ 0x") { rest } else { &text }.trim().to_owned();
        }
        line.clear();
    }
    first
}
