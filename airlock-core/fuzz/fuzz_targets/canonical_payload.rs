//! Any text has one canonical form or none: the form of a form is itself, and only what serde_json reads has one.
#![no_main]

use airlock_core::crypto::canonical_payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(canonical) = canonical_payload(text) else { return };
    assert_eq!(canonical_payload(&canonical).as_ref(), Ok(&canonical));
    assert!(!canonical.contains('\n'));
    // serde_json rounds whole numbers past 64 bits, and refuses those past a double; we keep every digit.
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let (Ok(given), Ok(written)) = (read(text), read(&canonical)) else {
        let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        assert!(longest > Some(300), "serde_json refuses what has a canonical form");
        return;
    };
    assert_eq!(given.is_object(), written.is_object());
    assert_eq!(given.as_array().map(Vec::len), written.as_array().map(Vec::len));
    if let (Some(given), Some(written)) = (given.as_str(), written.as_str()) {
        assert_eq!(given, written);
    }
});
