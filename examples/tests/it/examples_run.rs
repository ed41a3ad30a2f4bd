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
fn own_source_is_scrubbed() {
    let said = run("own_source");
    assert!(said.contains("call <EMAIL>") && !said.contains("alice") && !said.contains("bob"), "{said}");
}
