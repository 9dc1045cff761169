//! The device's clock, the caller's, and the speed of a copy that times are compared with.

use std::time::{Duration, Instant};

use anyhow::Result;
use fastssim::cuda::{DeviceImages, Event, Stream};

/// Rounds that do not count.
const WARM: usize = 2;

/// Microseconds a call.
#[derive(Clone, Copy)]
pub struct Times {
    /// The device's, where all calls are in the queue before it begins: what the kernels take.
    pub kernel: f64,
    /// The device's, in a stream of calls that begins with the first: the caller's time where that is longer.
    pub device: f64,
    /// The caller's.
    pub call: f64,
}

/// What takes the device long enough to put calls into the queue meanwhile.
pub struct Clock<'a> {
    stream: &'a Stream,
    start: Event,
    end: Event,
    from: DeviceImages<f32>,
    to: DeviceImages<f32>,
    copy: Duration,
}

impl<'a> Clock<'a> {
    pub fn new(stream: &'a Stream, rounds: usize) -> Result<Self> {
        let shape = [1, 1, 1 << 14, 1 << 14];
        let mut clock = Self {
            stream,
            start: Event::new(stream.device())?,
            end: Event::new(stream.device())?,
            from: DeviceImages::zeros(stream, shape)?,
            to: DeviceImages::zeros(stream, shape)?,
            copy: Duration::ZERO,
        };
        let mut times = Vec::new();
        for _ in 0..rounds + WARM {
            stream.record(&clock.start)?;
            clock.to.copy_from_device(stream, &clock.from)?;
            stream.record(&clock.end)?;
            times.push(clock.end.elapsed_since(&clock.start)?);
        }
        clock.copy = median(times.split_off(WARM));
        Ok(clock)
    }

    /// Bytes that a copy within the device reads and writes in a second.
    pub fn bytes_per_second(&self) -> f64 {
        let elements = self.from.shape().iter().product::<usize>();
        (2 * elements * size_of::<f32>()) as f64 / self.copy.as_secs_f64()
    }

    /// Medians of many rounds of one call for each of `inputs`.
    pub fn time<I>(&mut self, inputs: &[I], rounds: usize, mut call: impl FnMut(&I) -> Result<()>) -> Result<Times> {
        let (mut kernel, mut device, mut caller) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds + WARM {
            let (elapsed, busy) = self.round(inputs, &mut call)?;
            // Twice as long as the caller needs.
            for _ in 0..1 + (2 * busy.as_nanos() / self.copy.as_nanos().max(1)) {
                self.to.copy_from_device(self.stream, &self.from)?;
            }
            let (queued, _) = self.round(inputs, &mut call)?;
            if round >= WARM {
                kernel.push(queued);
                device.push(elapsed);
                caller.push(busy);
            }
        }
        let [kernel, device, call] =
            [kernel, device, caller].map(|times| median(times).as_secs_f64() * 1e6 / inputs.len() as f64);
        Ok(Times { kernel, device, call })
    }

    /// The device's time and the caller's for all calls, to which the host comes first where the device is busy.
    fn round<I>(&self, inputs: &[I], call: &mut impl FnMut(&I) -> Result<()>) -> Result<(Duration, Duration)> {
        self.stream.record(&self.start)?;
        let begin = Instant::now();
        for input in inputs {
            call(input)?;
        }
        let busy = begin.elapsed();
        self.stream.record(&self.end)?;
        Ok((self.end.elapsed_since(&self.start)?, busy))
    }
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
