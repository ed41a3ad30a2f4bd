//! The parts of the file beside tables and masks.

use std::time::Duration;

use super::fields::{Fields, wrong};
use super::keys::{CONTROL_PLANE, SAMPLE_QUERY, SOURCE, STORAGE};
use super::node::{Node, Value, join, short};
use crate::crypto::PublicKey;
use crate::policy::finding::{Finding, LintCode};
use crate::policy::limits::Limits;
use crate::policy::nearest::nearest;
use crate::policy::{ControlPlanePolicy, SampleQuery, SourcePolicy, StorageMode, StoragePolicy};

/// Most hints, and most sample queries.
const HINTS_MAX: usize = 50;
/// Longest hint, characters.
const HINT_CHARS_MAX: usize = 500;
/// The largest number a limit takes: what JSON and a double keep exactly.
const LIMIT_MAX: u64 = 1 << 53;
/// Postgres keeps its time-outs in a signed 32-bit number of milliseconds.
const TIMEOUT_MS_MAX: u64 = i32::MAX as u64;

pub(super) fn hints(top: &Fields<'_>, out: &mut Vec<Finding>) -> Vec<String> {
    let path = top.at("hints");
    let items = top.items("hints", out);
    if items.len() > HINTS_MAX {
        out.push(
            Finding::new(LintCode::E204, &path, format!("at most {HINTS_MAX} hints"))
                .at(top.line_of("hints")),
        );
    }
    let mut hints = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}[{i}]");
        match &item.value {
            Value::Text(text) => {
                if text.chars().count() > HINT_CHARS_MAX {
                    let message = format!("a hint has at most {HINT_CHARS_MAX} characters");
                    out.push(Finding::new(LintCode::E204, path, message).at(item.line));
                }
                hints.push(text.clone());
            }
            _ => out.push(wrong(&path, item, "text")),
        }
    }
    hints
}

pub(super) fn sample_queries(top: &Fields<'_>, limits: &Limits, out: &mut Vec<Finding>) -> Vec<SampleQuery> {
    let path = top.at("sample_queries");
    let items = top.items("sample_queries", out);
    if items.len() > HINTS_MAX {
        let message = format!("at most {HINTS_MAX} sample queries");
        out.push(Finding::new(LintCode::E204, &path, message).at(top.line_of("sample_queries")));
    }
    let mut queries: Vec<SampleQuery> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let Some(fields) = Fields::open(item, &format!("{path}[{}]", item.label(i)), SAMPLE_QUERY, out)
        else {
            continue;
        };
        let name = fields.required("name", out);
        let sql = fields.required("sql", out);
        let description = fields.text("description", out);
        let (Some(name), Some(sql)) = (name, sql) else { continue };
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let mut problem = |code, key: &str, message: &str| {
            out.push(Finding::new(code, fields.at(key), message).at(fields.line_of(key)));
        };
        if !(1..=64).contains(&name.len()) || !name.bytes().all(word) {
            problem(LintCode::E204, "name", "a sample query's name has 1-64 letters, digits, _ and -");
        }
        if queries.iter().any(|q| q.name == name) {
            problem(LintCode::E100, "name", "another sample query has this name");
        }
        if sql.len() as u64 > limits.max_sql_bytes {
            problem(LintCode::E204, "sql", "the statement is longer than limits.max_sql_bytes");
        }
        queries.push(SampleQuery { name, sql, description });
    }
    queries
}

pub(super) fn limits(top: &Fields<'_>, out: &mut Vec<Finding>) -> Limits {
    let mut limits = Limits::default();
    let path = top.at("limits");
    for (key, node) in top.entries("limits", out) {
        let path = join(&path, &key.name);
        let name = key.name.as_str();
        if name == "rate_limit" {
            out.push(
                Finding::new(LintCode::E100, path, "`rate_limit` is a limit of an API key, not of a worker")
                    .at(key.line)
                    .advise("set it at the control plane: `airlock-cp api-key scope … --rate`"),
            );
            continue;
        }
        let Some(slot) = limits.slot(name) else {
            out.push(
                Finding::new(LintCode::E100, path, format!("unknown limit `{}`", short(name)))
                    .at(key.line)
                    .suggest(nearest(name, Limits::NAMES.iter().copied())),
            );
            continue;
        };
        if matches!(node.value, Value::Null) {
            continue;
        }
        match limit(name, node) {
            Some(value) => *slot = value,
            None => {
                let max = if name.ends_with("_ms") { TIMEOUT_MS_MAX } else { LIMIT_MAX };
                let also = match name {
                    "max_concurrent_queries" => ", or `cores`",
                    _ if Limits::BYTES.contains(&name) => ", or a size such as 256MiB",
                    _ => "",
                };
                let message = format!("must be a whole number from 1 to {max}{also}");
                out.push(Finding::new(LintCode::E204, path, message).at(node.line));
            }
        }
    }
    limits
}

fn limit(name: &str, node: &Node) -> Option<u64> {
    let value = match &node.value {
        Value::Int(n) => u64::try_from(*n).ok()?,
        Value::Text(text) if name == "max_concurrent_queries" && text == "cores" => return Some(0),
        Value::Text(text) if Limits::BYTES.contains(&name) => size(text)?,
        _ => return None,
    };
    let max = if name.ends_with("_ms") { TIMEOUT_MS_MAX } else { LIMIT_MAX };
    (1..=max).contains(&value).then_some(value)
}

/// `256MiB`, `64 KiB`, `1GB`, `100B`.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

pub(super) fn source(top: &Fields<'_>, out: &mut Vec<Finding>) -> SourcePolicy {
    let mut source = SourcePolicy {
        pool_size: 4,
        require_read_only: true,
        require_replica: false,
        allow_bypass_rls: false,
    };
    let Some(fields) = top.node("source").and_then(|n| Fields::open(n, &top.at("source"), SOURCE, out))
    else {
        return source;
    };
    if let Some(size) = fields.number("pool_size", 1..=64, out) {
        source.pool_size = u32::try_from(size).unwrap_or(source.pool_size);
    }
    source.require_read_only = fields.flag("require_read_only", out).unwrap_or(source.require_read_only);
    source.require_replica = fields.flag("require_replica", out).unwrap_or(source.require_replica);
    source.allow_bypass_rls = fields.flag("allow_bypass_rls", out).unwrap_or(source.allow_bypass_rls);
    source
}

pub(super) fn storage(top: &Fields<'_>, out: &mut Vec<Finding>) -> StoragePolicy {
    let mut storage = StoragePolicy { mode: StorageMode::Tmpfs, allow_disk: false };
    let Some(fields) = top.node("storage").and_then(|n| Fields::open(n, &top.at("storage"), STORAGE, out))
    else {
        return storage;
    };
    let modes = [("tmpfs", StorageMode::Tmpfs), ("memory", StorageMode::Memory)];
    storage.mode = fields.choice("mode", &modes, &["encrypted_disk"], out).unwrap_or(storage.mode);
    storage.allow_disk = fields.flag("allow_disk", out).unwrap_or(storage.allow_disk);
    storage
}

pub(super) fn control_plane(top: &Fields<'_>, out: &mut Vec<Finding>) -> Option<ControlPlanePolicy> {
    let fields = Fields::open(top.node("control_plane")?, &top.at("control_plane"), CONTROL_PLANE, out)?;
    let url = fields.required("url", out);
    if let Some(Err(why)) = url.as_deref().map(check_url) {
        out.push(Finding::new(LintCode::E204, fields.at("url"), why).at(fields.line_of("url")));
    }
    let tenant = fields.required("tenant_id", out);
    let worker = fields.required("worker_id", out);
    let cp_public_key = match fields.node("cp_public_key") {
        Some(_) => fields.text("cp_public_key", out),
        None => {
            let message = "`cp_public_key` is missing: the control plane could not prove itself";
            out.push(
                Finding::new(LintCode::E100, fields.at("cp_public_key"), message)
                    .at(fields.line)
                    .advise("`airlock register` writes it"),
            );
            None
        }
    };
    if cp_public_key.as_deref().is_some_and(|k| PublicKey::from_base64(k).is_err()) {
        let message = "must be an Ed25519 public key in base64";
        out.push(
            Finding::new(LintCode::E204, fields.at("cp_public_key"), message)
                .at(fields.line_of("cp_public_key")),
        );
    }
    let tenant_id = parsed(&fields, "tenant_id", tenant, out);
    let worker_id = parsed(&fields, "worker_id", worker, out);
    let heartbeat_s = fields.number("heartbeat_s", 5..=120, out);
    let min = fields.number("reconnect_min_ms", 10..=600_000, out).unwrap_or(500);
    let max = fields.number("reconnect_max_ms", 10..=3_600_000, out).unwrap_or(30_000);
    if min > max {
        let message = "reconnect_min_ms is above reconnect_max_ms";
        out.push(
            Finding::new(LintCode::E204, fields.at("reconnect_min_ms"), message)
                .at(fields.line_of("reconnect_min_ms")),
        );
    }
    let key_path = fields.text("key_path", out);
    let ca_file = fields.text("ca_file", out);
    let proxy = fields.text("proxy", out);
    if proxy.as_deref().is_some_and(|url| !url.starts_with("http://") || url.contains(['@', '?', '#'])) {
        let message = "must be http://host:port; what the proxy wants to be told belongs in HTTPS_PROXY";
        out.push(Finding::new(LintCode::E204, fields.at("proxy"), message).at(fields.line_of("proxy")));
    }
    Some(ControlPlanePolicy {
        url: url?,
        tenant_id: tenant_id?,
        worker_id: worker_id?,
        key_path,
        cp_public_key: cp_public_key?,
        heartbeat: heartbeat_s.map(Duration::from_secs),
        reconnect_min: Duration::from_millis(min),
        reconnect_max: Duration::from_millis(max),
        ca_file,
        proxy,
    })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    fields: &Fields<'_>,
    key: &str,
    text: Option<String>,
    out: &mut Vec<Finding>,
) -> Option<T> {
    text?
        .parse()
        .map_err(|e: T::Err| {
            out.push(Finding::new(LintCode::E204, fields.at(key), e.to_string()).at(fields.line_of(key)));
        })
        .ok()
}

/// An https URL, or http towards this machine: the tunnel's first bytes carry the worker's name.
fn check_url(url: &str) -> Result<(), &'static str> {
    let lower = url.to_ascii_lowercase();
    let (rest, plain) = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return Err("must be an https URL"),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = match authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
        Some((host, port)) if port.is_empty() || port.starts_with(':') => host,
        Some(_) => return Err("must be an https URL"),
        None => authority.split(':').next().unwrap_or(authority),
    };
    let port = authority.rsplit_once(']').map_or(authority, |(_, port)| port).split_once(':').map(|(_, p)| p);
    if host.is_empty()
        || port.is_some_and(|p| p.parse::<u16>().is_err())
        || rest.contains(['?', '#', '@', '\\'])
        || rest.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err("must be an https URL of host, port and path only");
    }
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if plain && !loopback {
        return Err("http is for loopback only; use https");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_exactly() {
        assert_eq!(size("256MiB"), Some(256 << 20));
        assert_eq!(size("64 KiB"), Some(64 << 10));
        assert_eq!(size("1GB"), Some(1_000_000_000));
        for bad in [
            "",
            "MiB",
            "1.5GiB",
            "-1B",
            "10 M",
            "10mib",
            "99999999999999999999GiB",
            "18446744073709551615KiB",
        ] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_https_or_loopback_is_dialled() {
        for good in [
            "https://cp.example.com",
            "https://cp.example.com:8443/base",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://[::1]:8080/",
            "HTTPS://CP.example.com",
        ] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "cp.example.com",
            "http://cp.example.com",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "https://",
            "https://u@h",
            "https://h?x=1",
            "https://h:port",
            "ftp://h",
            "https://h h",
            "http://[::2]",
            "http://localhost\\@evil.example",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
