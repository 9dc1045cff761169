//! Interruption: a signal that ends the command first removes the temporary files. A batch is asked to come to its
//! end instead, and writes what is finished; a second signal does not wait for that.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

/// The temporary files that there are; none before signals are waited for.
struct State {
    files: Option<HashSet<PathBuf>>,
}

static STATE: Mutex<State> = Mutex::new(State { files: None });

/// Whether the first signal only asks the command to stop.
static SOFT: AtomicBool = AtomicBool::new(false);

/// The signal that asked; 0 for none.
static ASKED: AtomicI32 = AtomicI32::new(0);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The list, once signals are waited for.
    fn files(&mut self) -> io::Result<&mut HashSet<PathBuf>> {
        if self.files.is_none() {
            watch()?;
        }
        Ok(self.files.get_or_insert_default())
    }
}

/// Makes a temporary file that no signal leaves behind: none is handled between its creation and
/// its entry in the list.
pub fn guarded(create: impl FnOnce() -> io::Result<NamedTempFile>) -> io::Result<NamedTempFile> {
    let mut state = state();
    let files = state.files()?;
    let file = create()?;
    files.insert(file.path().to_owned());
    Ok(file)
}

/// Forgets a temporary file that is gone, or has become another.
pub fn release(path: &Path) {
    if let Some(files) = &mut state().files {
        files.remove(path);
    }
}

/// From now on the first signal only has [`stopped`] say so.
pub fn soften() -> io::Result<()> {
    state().files()?;
    SOFT.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether a signal has asked the command to stop.
pub fn stopped() -> bool {
    ASKED.load(Ordering::Relaxed) != 0
}

/// Ends the process as the signal would have done, if one has asked.
pub fn obey() {
    #[cfg(unix)]
    if stopped() {
        let _ = signal_hook::low_level::emulate_default_handler(ASKED.load(Ordering::Relaxed));
    }
}

/// Waits for signals on a thread of its own.
#[cfg(unix)]
fn watch() -> io::Result<()> {
    use std::sync::Arc;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    // A file beyond the size that is allowed becomes an error of the write, which can be told.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let ignored = ignored();
    let signals = [SIGHUP, SIGINT, SIGTERM];
    let mut signals = Signals::new(signals.iter().filter(|&&signal| ignored >> (signal - 1) & 1 == 0))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if SOFT.load(Ordering::Relaxed) && ASKED.swap(signal, Ordering::Relaxed) == 0 {
                continue;
            }
            // Held until the end, so that no file is made in the meantime.
            let state = state();
            for file in state.files.iter().flatten() {
                // It may have its final name already.
                let _ = std::fs::remove_file(file);
            }
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// The signals that whoever started this process has it ignore, as `nohup` does, a bit each from 1 on. Where the system
/// does not say, none.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Elsewhere an interrupted command may leave a temporary file behind.
#[cfg(not(unix))]
fn watch() -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    const FOLDER: &str = "FASTSSIM_TEST_FOLDER";

    /// For the test below, which runs it in a process that is going to be killed.
    #[test]
    fn victim() {
        let Some(folder) = std::env::var_os(FOLDER) else {
            return;
        };
        let _file = super::guarded(|| tempfile::NamedTempFile::new_in(folder)).unwrap();
        // Not `println!`, which the test harness would keep to itself.
        writeln!(std::io::stderr(), "ready").unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn a_signal_removes_the_temporary_files_and_ends_the_process() {
        for (name, number) in [("HUP", 1), ("INT", 2), ("TERM", 15)] {
            if super::ignored() >> (number - 1) & 1 == 1 {
                // Under `nohup`, say: the victim would ignore it as well, and never end.
                writeln!(
                    std::io::stderr(),
                    "skipped: whoever started the tests has SIG{name} ignored"
                )
                .unwrap();
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let count = || folder.path().read_dir().unwrap().count();
            let mut victim = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "interrupt::tests::victim"])
                .env(FOLDER, folder.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(victim.stderr.take().unwrap())
                .read_line(&mut line)
                .unwrap();
            assert_eq!((line.as_str(), count()), ("ready\n", 1));
            let kill = format!("kill -{name} {}", victim.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            // `wait` would close the victim's standard input, and so let it end by itself.
            let input = victim.stdin.take();
            assert_eq!(victim.wait().unwrap().signal(), Some(number));
            assert_eq!(count(), 0, "{name}");
            drop(input);
        }
    }
}
