//! What the environment says about approvals: `AIRLOCK_CP_APPROVALS_*`.

use std::collections::BTreeSet;
use std::time::Duration;

use airlock_core::approval::ExpiryRule;

use super::Vars;

/// How the approvals gateway behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalsConfig {
    /// Whether an enforcer must show an app beside its person.
    pub require_app: bool,
    /// Whether what names no approver goes to the person who asks, when they are one.
    pub route_to_owner: bool,
    /// Whether a standing decision is taken in that nobody signed. Our own SDKs act on none of these.
    pub unsigned_dnd: bool,
    /// How long a question waits.
    pub expiry: ExpiryRule,
    /// Requests a minute of one app, all its people together.
    pub app_rate: u32,
    /// Requests a minute of one person without an app.
    pub user_rate: u32,
    /// Questions of one person in a calendar month (UTC); `None` is no limit.
    pub monthly_quota: Option<u64>,
    /// Metadata that is not shown to approvers, by key.
    pub hidden_metadata: BTreeSet<String>,
}

impl Default for ApprovalsConfig {
    fn default() -> Self {
        Self {
            require_app: false,
            route_to_owner: true,
            unsigned_dnd: false,
            expiry: ExpiryRule::default(),
            app_rate: 60,
            user_rate: 300,
            monthly_quota: None,
            hidden_metadata: BTreeSet::new(),
        }
    }
}

impl ApprovalsConfig {
    pub(super) fn take(vars: &mut Vars) -> Self {
        let fresh = Self::default();
        let seconds = "a number of seconds, at least 1";
        let ttl = positive(vars, "APPROVALS_TTL_SECONDS", seconds, fresh.expiry.default_ttl.as_secs());
        let cap = positive(vars, "APPROVALS_TTL_MAX_SECONDS", seconds, fresh.expiry.cap.as_secs());
        if ttl > cap {
            vars.problem("APPROVALS_TTL_SECONDS", "not more than AIRLOCK_CP_APPROVALS_TTL_MAX_SECONDS");
        }
        let rate = "requests a minute, at least 1";
        let quota = vars.parse("APPROVALS_MONTHLY_QUOTA", "a number of questions a month; 0 is no limit");
        Self {
            require_app: !vars.switch("APPROVALS_REQUIRE_APP", ("off", "on")),
            route_to_owner: vars.switch("APPROVALS_ROUTE_TO_OWNER", ("on", "off")),
            unsigned_dnd: !vars.switch("APPROVALS_UNSIGNED_DND", ("off", "on")),
            expiry: ExpiryRule {
                default_ttl: Duration::from_secs(ttl),
                cap: Duration::from_secs(cap),
                ..fresh.expiry
            },
            app_rate: positive(vars, "APPROVALS_APP_RATE", rate, fresh.app_rate),
            user_rate: positive(vars, "APPROVALS_USER_RATE", rate, fresh.user_rate),
            monthly_quota: quota.filter(|&n| n > 0),
            hidden_metadata: vars.list("APPROVALS_HIDDEN_METADATA").into_iter().collect(),
        }
    }
}

fn positive<T: std::str::FromStr + PartialOrd + From<u8>>(
    vars: &mut Vars,
    name: &str,
    rule: &str,
    fresh: T,
) -> T {
    match vars.parse::<T>(name, rule) {
        None => fresh,
        Some(value) if value >= T::from(1) => value,
        Some(_) => {
            vars.problem(name, rule);
            fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ApprovalsConfig, Config, ConfigError};

    fn read(vars: &[(&str, &str)]) -> Result<ApprovalsConfig, ConfigError> {
        let named = |(n, v): &(&str, &str)| (format!("AIRLOCK_CP_APPROVALS_{n}"), (*v).to_owned());
        Config::from_vars(vars.iter().map(named)).map(|config| config.approvals)
    }

    #[test]
    fn what_is_not_said_is_as_documented() {
        assert_eq!(read(&[]).unwrap(), ApprovalsConfig::default());
        let said = read(&[
            ("REQUIRE_APP", "on"),
            ("ROUTE_TO_OWNER", "off"),
            ("TTL_SECONDS", "30"),
            ("MONTHLY_QUOTA", "0"),
            ("HIDDEN_METADATA", "ticket, host"),
        ]);
        let said = said.unwrap();
        assert!(said.require_app && !said.route_to_owner && !said.unsigned_dnd);
        assert_eq!((said.expiry.default_ttl.as_secs(), said.monthly_quota), (30, None));
        assert!(said.hidden_metadata.contains("host"));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (name, value) in [
            ("TTL_SECONDS", "0"),
            ("TTL_SECONDS", "90000"),
            ("APP_RATE", "-1"),
            ("USER_RATE", "0"),
            ("REQUIRE_APP", "yes"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
