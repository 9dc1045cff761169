//! Interruption: a signal that ends the command first removes the temporary files.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

/// The temporary files that were made; those that are gone do no harm.
static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn files() -> MutexGuard<'static, Vec<PathBuf>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a temporary file that no signal leaves behind: none is handled between its creation and
/// its entry in the list.
pub fn guarded(create: impl FnOnce() -> io::Result<NamedTempFile>) -> io::Result<NamedTempFile> {
    let mut files = files();
    if files.is_empty() {
        watch()?;
    }
    let file = create()?;
    files.push(file.path().to_owned());
    Ok(file)
}

/// Waits for signals on a thread of its own.
#[cfg(unix)]
fn watch() -> io::Result<()> {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    // A file beyond the size that is allowed becomes an error of the write, which can be told.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // Held until the end, so that no file is made in the meantime.
            let files = files();
            for file in files.iter() {
                // It may have its final name already.
                let _ = std::fs::remove_file(file);
            }
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
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
