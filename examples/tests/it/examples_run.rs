//! Each example runs and says what it should.

use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "runs the examples as a reader would")]
fn run(name: &str) -> String {
    let folder = crate::passage::stack::target();
    let out =
        Command::new(folder.join("examples").join(name)).output().expect("examples are built with the tests");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn embedded_engine_answers_with_masked_values() {
    let said = run("embedded_engine");
    assert!(said.contains("@example.net") && said.contains("1649"), "{said}");
    assert!(!said.contains("alice") && !said.contains("536-90") && !said.contains("99900"), "{said}");
}

#[test]
fn embedded_agent_is_refused_and_goes_on() {
    let said = run("embedded_agent");
    assert!(said.contains("write to <EMAIL>") && said.contains("read_csv"), "{said}");
    assert!(said.contains(r#"tickets by status: [["closed",1],["open",1]]"#), "{said}");
    assert!(!said.contains("alice@") && !said.contains("Bob"), "{said}");
}

/// A reader copies these lines, so they are the ones that run.
#[test]
fn the_readmes_snippet_is_a_part_of_embedded_engine() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let readme = text("README.md");
    let snippet =
        readme.split("```rust\n").nth(1).and_then(|s| s.split("```").next()).expect("a Rust snippet");
    let unindented: String = text("examples/embedded_engine.rs")
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
        .collect();
    assert!(unindented.contains(snippet), "README.md:\n{snippet}");
}

#[test]
fn own_source_is_scrubbed() {
    let said = run("own_source");
    assert!(said.contains("call <EMAIL>") && !said.contains("alice") && !said.contains("bob"), "{said}");
}
