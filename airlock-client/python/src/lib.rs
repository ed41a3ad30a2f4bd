//! The native module of the Python package `airlock_gateway`: what an approval means, from `airlock-core`, as functions
//! over values. Sockets and files stay in Python. Every function works without the interpreter's lock.

mod canonical;
mod crypto;
mod error;
mod host;
mod standing;
mod verify;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::canonical::{canonicalize, seal_payload, sha256_hex};
    #[pymodule_export]
    use crate::crypto::{
        aes_gcm_decrypt, aes_gcm_encrypt, derive_shared_key, ed25519_sign, ed25519_verify, from_base64url,
        generate_ed25519_keypair, generate_x25519_keypair, hkdf_sha256, key_fingerprint, to_base64url,
    };
    #[pymodule_export]
    use crate::standing::evaluate_dnd;
    #[pymodule_export]
    use crate::verify::{NonceJournal, verify_decision, verify_pairing_answer};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
