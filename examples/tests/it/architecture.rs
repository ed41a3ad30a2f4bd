//! Arrows between crates, and what is absent from core: read from the manifests, so that a new arrow needs a new line here.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every arrow that ARCHITECTURE.md draws; `dev` marks the one named exception.
const ARROWS: &[(&str, &[&str])] = &[
    ("airlock-core", &[]),
    ("airlock-proto", &["airlock-core"]),
    ("airlock-worker", &["airlock-core", "airlock-proto"]),
    ("airlock-cp", &["airlock-core", "airlock-proto", "airlock-worker (optional)"]),
];

#[expect(clippy::disallowed_methods, reason = "asks cargo for the manifests as it reads them")]
fn cargo(args: &[&str]) -> String {
    let out =
        Command::new(env!("CARGO")).args(args).args(["--offline", "--quiet"]).output().expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("cargo prints UTF-8")
}

#[test]
fn crates_point_only_where_the_architecture_says() {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let arrows = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|d| d["kind"].is_null() && d["name"].as_str().unwrap().starts_with("airlock-"))
            .map(|d| {
                format!(
                    "{}{}",
                    d["name"].as_str().unwrap(),
                    if d["optional"] == true { " (optional)" } else { "" }
                )
            })
            .collect();
        found.insert(package["name"].as_str().unwrap().to_owned(), arrows);
    }
    for (name, arrows) in ARROWS {
        let wanted: BTreeSet<String> = arrows.iter().map(ToString::to_string).collect();
        assert_eq!(found.get(*name), Some(&wanted), "{name}");
    }
    for free in ["airlock-examples", "airlock-benches"] {
        let seen = found.iter().filter(|(_, arrows)| arrows.iter().any(|a| a.starts_with(free))).count();
        assert_eq!(seen, 0, "{free} is seen by another crate");
    }
}

#[test]
fn core_without_features_has_no_runtime_and_no_io() {
    let tree = cargo(&[
        "tree",
        "-p",
        "airlock-core",
        "--no-default-features",
        "-e",
        "normal",
        "--prefix",
        "none",
        "-f",
        "{p}",
    ]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert!(crates.contains("airlock-core"), "cargo tree said nothing");
    for absent in [
        "tokio",
        "mio",
        "hyper",
        "reqwest",
        "tonic",
        "sqlx",
        "tokio-postgres",
        "rustls",
        "arrow",
        "datafusion",
        "getrandom",
    ] {
        assert!(!crates.contains(absent), "core has {absent} among its dependencies");
    }
}
