//! What tests need of the machine, told by `.ci/test` through the environment.

/// A variable of the test run. `None`, said aloud, when it is not set; where tests must run, that is a failure.
#[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{name} is not set");
        println!("skipped: {name} is not set; run `make test`");
    }
    value
}

/// A wish of who runs the tests.
#[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
pub(crate) fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
