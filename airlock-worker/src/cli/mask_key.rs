//! `airlock mask-key`: make the root of all mask keys, or tell which it is.

use std::process::ExitCode;

use airlock_core::Host;

use crate::config::{MaskKeyPlace, Settings};
use crate::error::WorkerError;
use crate::mask_key;

/// Makes the key in our own file.
pub(super) fn init(settings: &Settings, host: &dyn Host) -> Result<ExitCode, WorkerError> {
    let MaskKeyPlace::Own(path) = &settings.mask_key else {
        return Err(WorkerError::Missing("AIRLOCK_MASK_KEY or AIRLOCK_MASK_KEY_FILE gives the key already"));
    };
    let key = mask_key::create(path, host)?;
    println!("{}\nfingerprint {}", path.display(), mask_key::fingerprint(&key));
    Ok(ExitCode::SUCCESS)
}

/// Tells which key it is; makes none.
pub(super) fn fingerprint(settings: &Settings, host: &dyn Host) -> Result<ExitCode, WorkerError> {
    if let MaskKeyPlace::Own(path) = &settings.mask_key
        && !path.exists()
    {
        return Err(crate::PrivateFileError::Missing { path: path.clone() }.into());
    }
    let (key, _) = mask_key::load_or_create(&settings.mask_key, host)?;
    println!("{}", mask_key::fingerprint(&key));
    Ok(ExitCode::SUCCESS)
}
