//! Any text given as a pairing answer is refused or read; nobody's signature is found by chance, and nothing panics.
#![no_main]

use airlock_core::approval::PairingAnswer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(answer) = PairingAnswer::parse(text) else { return };
    assert_eq!(PairingAnswer::parse(&answer.to_json()).as_ref(), Ok(&answer));
    let _ = answer.verify(&answer.pairing_nonce);
});
