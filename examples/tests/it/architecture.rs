//! Arrows between crates, and what is absent from core: read from the manifests, so that a new arrow needs a new line here.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every arrow that ARCHITECTURE.md draws; `dev` marks the one named exception.
const ARROWS: &[(&str, &[&str])] = &[
    ("airlock-core", &[]),
    ("airlock-proto", &["airlock-core"]),
    ("airlock-worker", &["airlock-core", "airlock-proto"]),
    ("airlock-cp", &["airlock-core", "airlock-proto", "airlock-worker (optional)"]),
    ("airlock-client-py", &["airlock-core"]),
    ("airlock-client", &["airlock-core", "airlock-proto"]),
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
fn the_python_package_links_no_socket_and_no_runtime() {
    let tree = cargo(&["tree", "-p", "airlock-client-py", "-e", "normal", "--prefix", "none", "-f", "{p}"]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert!(crates.contains("pyo3"), "cargo tree said nothing");
    for absent in ["tokio", "mio", "hyper", "reqwest", "rustls", "sqlx", "arrow", "datafusion"] {
        assert!(!crates.contains(absent), "the Python package has {absent} among its dependencies");
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

/// A promise is held by a test that exists: the words in backquotes are modules with tests.
#[test]
fn the_threat_model_names_tests_that_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let (_, attackers) = page.split_once("## Who attacks").unwrap();
    let (table, rest) = attackers.split_once("\n## ").unwrap();
    let (_, approvals) = rest.split_once("\n## Approvals\n").unwrap();
    // A word alone stands in backquotes for many things; a path with `::` for a test.
    let names: BTreeSet<&str> =
        names(table).chain(names(approvals).filter(|name| name.contains("::"))).collect();
    assert!(names.len() > 15, "{names:?}");
    let crates =
        ["airlock-core", "airlock-proto", "airlock-worker", "airlock-cp", "airlock-client", "examples"];
    for name in names {
        let places = |module: &str| {
            let path = module.replace("::", "/");
            crates.iter().flat_map(move |c| ["tests/it", "src"].map(|dir| format!("{c}/{dir}/{path}")))
        };
        let is_module = || places(name).any(|place| has_tests(&root.join(place)));
        let is_one = || {
            let Some((module, one)) = name.rsplit_once("::") else { return false };
            let signature = format!("fn {one}(");
            places(module).any(|place| {
                std::fs::read_to_string(root.join(place).with_extension("rs"))
                    .is_ok_and(|text| text.contains(&signature))
            })
        };
        assert!(is_module() || is_one(), "no test is, or is in, `{name}`");
    }
}

/// What stands in backquotes and could be a module, or a test.
fn names(page: &str) -> impl Iterator<Item = &str> {
    let may_be = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || "_:".contains(c));
    page.split('`').skip(1).step_by(2).filter(may_be)
}

fn has_tests(place: &std::path::Path) -> bool {
    let is_test = |file: &std::path::Path| {
        std::fs::read_to_string(file)
            .is_ok_and(|text| ["#[test]", "#[tokio::test", "on_both!"].iter().any(|t| text.contains(t)))
    };
    let mut files = std::fs::read_dir(place).into_iter().flatten().flatten();
    is_test(&place.with_extension("rs")) || files.any(|file| is_test(&file.path()))
}
