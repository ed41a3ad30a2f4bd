//! Each example runs and says what it should.

use std::io::Write as _;
use std::process::{Command, Stdio};

fn run(name: &str) -> String {
    run_with(name, "")
}

/// With somebody at the terminal who types this.
#[expect(clippy::disallowed_methods, reason = "runs the examples as a reader would")]
fn run_with(name: &str, typed: &str) -> String {
    let folder = crate::passage::stack::target();
    let mut child = Command::new(folder.join("examples").join(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("examples are built with the tests");
    // Whoever does not ask leaves the pipe closed.
    let _ = child.stdin.take().map(|mut terminal| terminal.write_all(typed.as_bytes()));
    let out = child.wait_with_output().unwrap();
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

#[test]
fn embedded_agent_does_what_cannot_be_undone_when_a_person_says_so() {
    for (typed, allowed) in [("y\n", true), ("yes\n", true), ("n\n", false), ("Y es\n", false), ("", false)] {
        let said = run_with("embedded_agent", typed);
        assert!(said.contains(r#"the agent asks: {"action":"send_mail""#), "{said}");
        assert_eq!(said.contains("sent: {"), allowed, "{typed:?}: {said}");
        let told = if allowed { r#"the mail was "sent""# } else { r#"the mail was "not allowed""# };
        assert!(said.contains(told), "{typed:?}: {said}");
    }
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
