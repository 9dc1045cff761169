//! Decoders are other people's, and files are anybody's: a panic of a decoder is an error of the file, and an error
//! of one is short.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use anyhow::{Result, anyhow, bail};

/// The longest text of an error, in characters: some decoders list thousands of values.
const LONGEST_TEXT: usize = 200;

thread_local! {
    /// Whether a panic of this thread is going to be told as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder.
pub fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                usual(info);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(false);
    let result = result.unwrap_or_else(|_| bail!("its decoder broke down; the file is probably damaged"));
    result.map_err(|error| {
        let text = format!("{error:#}");
        match text.char_indices().nth(LONGEST_TEXT) {
            Some((at, _)) => anyhow!("{}…", &text[..at]),
            None => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = guarded::<()>(|| panic!("a decoder's own")).unwrap_err();
        assert!(error.to_string().contains("broke down"));
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
    }

    #[test]
    fn errors_are_short() {
        let error = |length| guarded::<()>(|| bail!("é".repeat(length))).unwrap_err().to_string();
        assert_eq!(error(200), "é".repeat(200));
        assert_eq!(error(201), "é".repeat(200) + "…");
    }
}
