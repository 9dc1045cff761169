//! Many jobs on several threads at a time: their results come in the order of the jobs, and no more than a few of
//! either are in memory.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// How many results, for each worker, may wait for one before them.
const AHEAD: usize = 16;

/// How the machine's threads are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Jobs that are in work at the same time.
    pub count: usize,
    /// Threads that each of them has.
    pub threads: usize,
}

impl Workers {
    /// As many workers as there are jobs and threads: on a thread of its own a job does not wait for others.
    pub fn new(jobs: usize, threads: usize) -> Self {
        let count = jobs.clamp(1, threads);
        let threads = threads / count;
        Self { count, threads }
    }

    fn pools(self) -> Result<Vec<ThreadPool>> {
        let pool = |_| ThreadPoolBuilder::new().num_threads(self.threads).build();
        (0..self.count).map(pool).collect::<Result<_, _>>().context("threads")
    }
}

/// Does the jobs, and hands the results over in their order, on this thread.
///
/// It ends early when `stop` says so, with the results of the jobs that had begun, and at once when `take` breaks.
pub fn run<J: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    workers: Workers,
    stop: impl Fn() -> bool + Sync,
    work: impl Fn(J) -> R + Sync,
    mut take: impl FnMut(R) -> ControlFlow<()>,
) -> Result<()> {
    let pools = workers.pools()?;
    let broken = AtomicBool::new(false);
    let stop = &|| broken.load(Ordering::Relaxed) || stop();
    let work = &work;
    // A job waits only until a worker is free. Its result has a channel of its own, and those are in order.
    let (job_sender, job_receiver) = bounded(0);
    let (order_sender, order_receiver) = bounded(AHEAD * workers.count);
    thread::scope(|scope| {
        for pool in &pools {
            let jobs: Receiver<(J, Sender<R>)> = job_receiver.clone();
            scope.spawn(move || {
                for (job, result) in jobs {
                    if stop() {
                        break;
                    }
                    // After a break nobody waits for it.
                    let _ = result.send(pool.install(|| work(job)));
                }
            });
        }
        drop(job_receiver);
        scope.spawn(move || {
            for job in jobs {
                let (sender, receiver) = bounded(1);
                if stop() || order_sender.send(receiver).is_err() || job_sender.send((job, sender)).is_err() {
                    break;
                }
            }
        });
        for result in order_receiver {
            // Without one the job was not done, and none after it counts.
            let Ok(result) = result.recv() else { break };
            if take(result).is_break() {
                broken.store(true, Ordering::Relaxed);
                break;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    const WORKERS: Workers = Workers { count: 3, threads: 1 };

    /// Takes longer for some jobs than for those after them.
    fn square(job: usize) -> usize {
        thread::sleep(Duration::from_micros((job * 7919 % 13 * 100) as u64));
        job * job
    }

    #[test]
    fn results_come_in_order() {
        let mut results = Vec::new();
        let take = |result| {
            results.push(result);
            ControlFlow::Continue(())
        };
        run(0..500, WORKERS, || false, square, take).unwrap();
        assert_eq!(results, (0..500).map(|job| job * job).collect::<Vec<_>>());
    }

    #[test]
    fn jobs_do_not_run_far_ahead_of_results() {
        let (started, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |job| {
            let ahead = started.fetch_add(1, Ordering::SeqCst) - taken.load(Ordering::SeqCst);
            if job == 0 {
                thread::sleep(Duration::from_millis(100));
            }
            ahead
        };
        let mut furthest = 0;
        let take = |ahead| {
            taken.fetch_add(1, Ordering::SeqCst);
            furthest = furthest.max(ahead);
            ControlFlow::Continue(())
        };
        run(0..1000, WORKERS, || false, work, take).unwrap();
        assert_eq!(taken.into_inner(), 1000);
        assert!((AHEAD..=WORKERS.count * (AHEAD + 2)).contains(&furthest), "{furthest}");
    }

    #[test]
    fn after_a_stop_come_the_results_of_what_had_begun() {
        let started = AtomicUsize::new(0);
        let mut results = Vec::new();
        let work = |job| {
            started.fetch_add(1, Ordering::SeqCst);
            square(job)
        };
        let take = |result| {
            results.push(result);
            ControlFlow::Continue(())
        };
        run(0.., WORKERS, || started.load(Ordering::SeqCst) >= 50, work, take).unwrap();
        assert_eq!(results.len(), started.into_inner());
        assert_eq!(results, (0..results.len()).map(|job| job * job).collect::<Vec<_>>());
    }

    #[test]
    fn after_a_break_comes_nothing() {
        let mut count = 0;
        let take = |_| {
            count += 1;
            if count == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        run(0.., WORKERS, || false, square, take).unwrap();
        assert_eq!(count, 5);
    }

    #[test]
    fn all_threads_have_work() {
        let workers = |jobs, threads| {
            let Workers { count, threads } = Workers::new(jobs, threads);
            (count, threads)
        };
        assert_eq!(workers(1000, 8), (8, 1));
        assert_eq!(workers(3, 8), (3, 2));
        assert_eq!(workers(1, 8), (1, 8));
        assert_eq!(workers(0, 8), (1, 8));
    }
}
