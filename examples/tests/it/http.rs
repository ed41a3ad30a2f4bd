//! A client for the tests' own requests, which go over plain HTTP.

/// Where another crate of the build has reqwest speak TLS, it wants to know with what, although nothing here does.
pub(crate) fn client() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
