//! How often an app may ask.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How often an app's people may ask the gateway, all together. Written as `"default"`, `"unlimited"`, or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppRate {
    /// As often as the control plane lets any app.
    #[default]
    Default,
    /// So many requests a minute.
    PerMinute(NonZeroU32),
    /// As often as they like.
    Unlimited,
}

/// The text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a whole number above 0, `unlimited` or `default`")]
pub struct NoRate;

impl AppRate {
    /// What it is where any app may ask `default` times a minute; `None` without a limit.
    pub(crate) const fn per_minute(self, default: u32) -> Option<u32> {
        match self {
            Self::Default => Some(default),
            Self::PerMinute(n) => Some(n.get()),
            Self::Unlimited => None,
        }
    }
}

impl fmt::Display for AppRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::PerMinute(n) => n.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl FromStr for AppRate {
    type Err = NoRate;
    fn from_str(text: &str) -> Result<Self, NoRate> {
        match text {
            "default" => Ok(Self::Default),
            "unlimited" => Ok(Self::Unlimited),
            number => number.parse().map(Self::PerMinute).map_err(|_| NoRate),
        }
    }
}

impl Serialize for AppRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::PerMinute(n) => n.serialize(serializer),
            Self::Default | Self::Unlimited => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for AppRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a whole number above 0, `unlimited` or `default`")]
        enum Written {
            Number(NonZeroU32),
            Word(Word),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Word {
            Default,
            Unlimited,
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Number(n) => Self::PerMinute(n),
            Written::Word(Word::Default) => Self::Default,
            Written::Word(Word::Unlimited) => Self::Unlimited,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_as_it_is_written() {
        for (json, text) in [("\"default\"", "default"), ("\"unlimited\"", "unlimited"), ("120", "120")] {
            let rate: AppRate = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&rate).unwrap(), json);
            assert_eq!((rate.to_string().as_str(), text.parse()), (text, Ok(rate)));
        }
        for wrong in ["0", "-1", "1.5", "4294967296", "\"120\"", "\"none\"", "null", "[]"] {
            assert!(serde_json::from_str::<AppRate>(wrong).is_err(), "{wrong}");
            assert!(wrong.trim_matches('"') == "120" || wrong.parse::<AppRate>().is_err(), "{wrong}");
        }
    }
}
