//! Parameters of a form or a query: decoded strictly, each at most once.
//!
//! Source: RFC 6749, 3.1 and 3.2: none twice, and one without a value is absent. `resource` alone may repeat (RFC 8707).

use super::Refusal;

/// Parameters, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

const COUNT_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 8 * 1024;
const REPEATABLE: &str = "resource";

impl Params {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// When it is none, or not UTF-8 once decoded.
    pub fn read(text: &[u8]) -> Result<Self, Refusal> {
        let bad = Refusal::request("the parameters are not form encoded UTF-8");
        let pairs = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
        let mut out = Vec::new();
        for pair in pairs {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            out.push((decode(name).ok_or(bad)?, decode(value).ok_or(bad)?));
            if out.len() > COUNT_MAX {
                return Err(Refusal::request("too many parameters"));
            }
        }
        Ok(Self(out))
    }

    /// The value of a parameter; `None` when it is absent or empty.
    ///
    /// # Errors
    /// When it is there twice, or too long.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut found = self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Refusal::request("a parameter is there twice")),
            (Some(value), None) if value.len() > VALUE_BYTES_MAX => {
                Err(Refusal::request("a parameter is too long"))
            }
            (value, None) => Ok(value.filter(|v| !v.is_empty())),
        }
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// When it is absent, empty, there twice or too long.
    pub fn need(&self, name: &'static str, missing: &'static str) -> Result<&str, Refusal> {
        self.one(name)?.ok_or(Refusal::request(missing))
    }

    /// All values of a parameter that may repeat.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(n, value)| n == name && !value.is_empty());
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Refuses parameters that are there twice, `resource` excepted.
    ///
    /// # Errors
    /// When there is one.
    pub fn each_once(&self) -> Result<(), Refusal> {
        for (i, (name, _)) in self.0.iter().enumerate() {
            if name != REPEATABLE && self.0[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(Refusal::request("a parameter is there twice"));
            }
        }
        Ok(())
    }

    /// Each of them.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

impl From<&[(String, String)]> for Params {
    fn from(pairs: &[(String, String)]) -> Self {
        Self(pairs.iter().take(COUNT_MAX).cloned().collect())
    }
}

/// One name or value, decoded; `None` if it is not encoded as forms are, or no UTF-8.
pub(super) fn decode(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: &u8| char::from(*b).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(out).ok()
}

/// Adds parameters to an address, which stays as it was given otherwise.
pub(super) fn extend(address: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    let joint = match address.rfind('?') {
        None => "?",
        Some(at) if at + 1 == address.len() => "",
        Some(_) => "&",
    };
    format!("{address}{joint}{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        assert_eq!(Params::read(text.as_bytes()).ok(), expected.map(|pairs| Params(own(pairs))), "{text}");
    }

    #[test]
    fn forms_are_decoded_strictly() {
        check("a=b&c=d", Some(&[("a", "b"), ("c", "d")]));
        check("a=%20+%2B&b", Some(&[("a", "  +"), ("b", "")]));
        check("a=b=c&&", Some(&[("a", "b=c")]));
        check("", Some(&[]));
        for bad in ["a=%", "a=%2", "a=%zz", "a=%ff", "%c0%af=1", "a=%+1"] {
            check(bad, None);
        }
        check(&"a=b&".repeat(65), None);
    }

    #[test]
    fn a_parameter_is_there_once_and_not_empty() {
        let read = |text: &str| Params::read(text.as_bytes()).unwrap();
        assert_eq!(read("a=1").one("a"), Ok(Some("1")));
        assert_eq!(read("a=").one("a"), Ok(None));
        assert!(read("a=1&a=1").one("a").is_err());
        assert!(read("a=&a=1").each_once().is_err());
        assert!(read("resource=1&resource=2").each_once().is_ok());
        assert_eq!(read("resource=1&resource=2&resource=").all("resource"), ["1", "2"]);
    }

    #[test]
    fn an_address_keeps_every_byte() {
        assert_eq!(
            extend("http://localhost:1/callback", &[("a", "b c")]),
            "http://localhost:1/callback?a=b+c"
        );
        assert_eq!(
            extend("https://a.example/?x=%7e", &[("a", "&=#")]),
            "https://a.example/?x=%7e&a=%26%3D%23"
        );
        assert_eq!(extend("com.example.app:/cb?", &[("a", "b")]), "com.example.app:/cb?a=b");
    }
}
