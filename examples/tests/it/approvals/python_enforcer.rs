//! The test enforcer in Python: driven by Textual's Pilot, and in a real terminal.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use airlock_core::approval::Verdict;
use serde_json::{Value, json};

use super::rig::Rig;
use super::screen::Screen;
use super::test_enforcer::answer;
use crate::needs;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What the program says, a line of JSON each.
struct Driven {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Driven {
    fn said(&mut self, name: &str) -> Value {
        let line = self.lines.next().expect("it says more").unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert!(!told[name].is_null(), "{name}: {line}");
        told[name].clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "runs the example as a reader would")]
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("LANG", "C.UTF-8");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_driven_by_a_pilot() {
    let Some(python) = needs::variable("AIRLOCK_TEST_PYTHON_TEXTUAL") else { return };
    let rig = Rig::start().await;
    let (folder, approver) = (tempfile::tempdir().unwrap(), rig.approver("pilot"));
    let mut command = command(&python, folder.path());
    command.arg(here("tests/clients/test_enforcer_pilot.py")).args([&rig.stack.url, &rig.pat]);
    let mut child = command
        .arg(folder.path().join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut driven = Driven { child, lines };

    let code = driven.said("code");
    let invitation = approver.resolve(code.as_str().unwrap()).await.unwrap();
    approver.accept(&invitation).await.unwrap();
    assert_eq!(driven.said("fingerprint"), approver.fingerprint());
    driven.said("asked");
    answer(&approver, &rig, Verdict::Approve, "ok").await;
    driven.said("asked");
    answer(&approver, &rig, Verdict::Reject, "not \u{1b}[2J today").await;
    driven.said("asked");
    rig.stack.until(async || !approver.inbox().await.unwrap().waiting.is_empty()).await;
    driven.child.stdin.take().unwrap().write_all(b"it waits\n").unwrap();
    driven.said("left");
    assert!(approver.inbox().await.unwrap().waiting.is_empty(), "what was withdrawn waits no longer");
    driven.said("over");
    assert!(driven.child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_terminal_is_drawn_on_and_given_back() {
    let Some(python) = needs::variable("AIRLOCK_TEST_PYTHON_TEXTUAL") else { return };
    let rig = Rig::start().await;
    let (folder, approver) = (tempfile::tempdir().unwrap(), rig.approver("terminal"));
    // As it was left the last time, before it was paired.
    let state = folder.path().join(".test-enforcer-py");
    std::fs::create_dir(&state).unwrap();
    let names =
        json!({"enforcer": "e", "label": "l", "workspace": "w", "gateway": rig.stack.url, "pat": rig.pat});
    std::fs::write(state.join("settings.json"), names.to_string()).unwrap();
    let program = here("python/test_enforcer.py");
    let line = format!("{python} {}; code=$?; echo gone $code; exit $code", program.display());
    let mut screen = Screen::start(&mut command("script", folder.path()), &line);
    screen.clicks("Show a code");
    let code = screen.word_after("airlock-approve pair ");
    let invitation = approver.resolve(&code).await.unwrap();
    approver.accept(&invitation).await.unwrap();
    screen.shows(&approver.fingerprint());
    screen.types("\u{11}");
    let (code, left) = screen.end();
    assert!(code == Some(0) && left.contains("gone 0"), "{code:?} {left}");
}
