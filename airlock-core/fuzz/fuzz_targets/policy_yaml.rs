//! Any text given as an `airlock.yaml` is read or refused; it never ends the process.
#![no_main]

use airlock_core::policy::{FindingsFormat, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(findings) = Policy::parse(text) {
        assert!(!findings.is_empty());
        let _ = findings.locate(text).render(FindingsFormat::Sarif, "airlock.yaml");
    }
});
