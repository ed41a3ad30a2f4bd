//! Which version of the tunnel's protocol we speak, and how two sides choose.
//!
//! The hello names one version. A control plane that does not speak it says `version_unsupported` before it says
//! anything else. Whatever can be added without a new version is a feature: named in the hello, used only when both
//! sides know it.

/// The version that our hello names.
pub const VERSION: u32 = 1;

/// The oldest version that we still speak.
pub const VERSION_OLDEST: u32 = 1;

/// Whether a peer of this version can be served.
pub const fn is_spoken(version: u32) -> bool {
    VERSION_OLDEST <= version && version <= VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_below_or_above_ours_is_not_spoken() {
        assert!(is_spoken(VERSION));
        assert!(!is_spoken(VERSION_OLDEST - 1));
        assert!(!is_spoken(VERSION + 1));
    }
}
