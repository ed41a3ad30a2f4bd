//! Where to go after sign-in: a path of ours, or home. Never elsewhere.

use std::fmt;

/// A path of ours, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// Home.
    pub(crate) fn home() -> Self {
        Self("/".to_owned())
    }

    /// Reads what a link or form says. What is no path of ours is home.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let ours = |text: &&str| {
            let mut bytes = text.bytes();
            // Browsers read `//host`, `/\host` and a tab or newline between the slashes as another host.
            bytes.next() == Some(b'/')
                && !matches!(bytes.next(), Some(b'/' | b'\\'))
                && text.len() <= LENGTH_MAX
                && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
                && !["/login", "/logout", "/signup"].iter().any(|p| text.split(['?', '#']).next() == Some(p))
        };
        text.filter(ours).map_or_else(Self::home, |text| Self(text.to_owned()))
    }

    /// The path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is more than home, so that it is worth carrying on.
    pub(crate) fn is_home(&self) -> bool {
        self.0 == "/"
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const LENGTH_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Next::read(Some(text)).as_str(), expected, "{text:?}");
    }

    #[test]
    fn only_a_path_of_ours_is_gone_to() {
        check("/org/clients?done=saved#x", "/org/clients?done=saved#x");
        check(
            "/authorize?redirect_uri=https%3A%2F%2Fa.example&x=https://b.example",
            "/authorize?redirect_uri=https%3A%2F%2Fa.example&x=https://b.example",
        );
        for elsewhere in [
            "",
            "org",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "javascript:alert(1)",
            "/%0d%0aset-cookie:x\r\n",
            "/ü",
            "/a b",
            "/login?next=/x",
            "/logout",
            "/signup",
        ] {
            check(elsewhere, "/");
        }
        check(&format!("/{}", "a".repeat(5_000)), "/");
        assert!(Next::read(None).is_home());
    }
}
