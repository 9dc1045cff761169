//! The frames to compare, read ahead on a thread for each video while others are being scored.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use super::source::Source;
use super::y4m::Samples;
use crate::interrupt;

/// Frames that wait for being scored, at most.
const AHEAD: usize = 2;
/// Between two looks at whether a signal has come.
const PATIENCE: Duration = Duration::from_millis(100);

/// Which frames are compared.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// So many frames at the beginning are not.
    pub skip: u64,
    /// Then each of so many is, the first among them.
    pub every: u64,
    /// Not more than so many are.
    pub frames: Option<u64>,
}

/// What comes next.
pub enum Next {
    /// A frame, and its number in the video, counted from 0.
    Frame(u64, Samples),
    /// The video has ended, with so many frames in all.
    End(u64),
    /// There are more, which were not asked for.
    Enough,
    /// A signal has asked the command to stop.
    Stopped,
}

/// A video that is being read.
pub struct Frames {
    next: Receiver<Result<Next>>,
    /// Memory of frames that are done with.
    used: Sender<Samples>,
}

impl Frames {
    /// Begins to read.
    pub fn start(source: Source, selection: Selection) -> Self {
        let (sender, next) = sync_channel(AHEAD);
        let (used, memory) = channel();
        // Not joined: it may wait for a pipe that has nothing to give, and ends with the program.
        thread::spawn(move || {
            if let Err(error) = read(source, selection, &sender, &memory) {
                // Nobody may listen any more.
                let _ = sender.send(Err(error));
            }
        });
        Self { next, used }
    }

    /// What comes next. Nothing may be asked for after the end.
    pub fn next(&self) -> Result<Next> {
        loop {
            if interrupt::stopped() {
                return Ok(Next::Stopped);
            }
            match self.next.recv_timeout(PATIENCE) {
                Ok(next) => return next,
                // A pipe may have nothing to give for a long time.
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => bail!("the video is not read any more"),
            }
        }
    }

    /// Gives back the memory of a frame.
    pub fn give_back(&self, samples: Samples) {
        // The video may have ended.
        let _ = self.used.send(samples);
    }
}

/// Reads until the end, or until nobody listens.
fn read(
    mut source: Source,
    selection: Selection,
    sender: &SyncSender<Result<Next>>,
    memory: &Receiver<Samples>,
) -> Result<()> {
    let (mut samples, mut sent) = (Samples::default(), 0);
    for frame in 0.. {
        if selection.frames.is_some_and(|frames| sent >= frames) {
            let _ = sender.send(Ok(Next::Enough));
            break;
        }
        if !source.read(&mut samples)? {
            let _ = sender.send(Ok(Next::End(frame)));
            break;
        }
        let wanted = frame >= selection.skip && (frame - selection.skip).is_multiple_of(selection.every);
        if wanted {
            let full = std::mem::replace(&mut samples, memory.try_recv().unwrap_or_default());
            if sender.send(Ok(Next::Frame(frame, full))).is_err() {
                break;
            }
            sent += 1;
        }
    }
    Ok(())
}
