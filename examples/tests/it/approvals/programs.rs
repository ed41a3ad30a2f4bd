//! The example programs, and docs/approvals.md line by line: two people at two terminals.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::rig::{Browser, Rig};
use crate::needs;
use crate::passage::stack::{Running, target};

fn example(name: &str) -> PathBuf {
    target().join("examples").join(name)
}

/// One terminal, in a folder of its own, with the environment that the docs set.
struct Terminal<'a> {
    rig: &'a Rig,
    folder: &'a Path,
}

impl Terminal<'_> {
    #[expect(clippy::disallowed_methods, reason = "runs the examples as a reader would")]
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder);
        command.env("AIRLOCK_GATEWAY_URL", &self.rig.stack.url).env("AIRLOCK_PAT", &self.rig.pat);
        command
    }
    /// Runs a program to its end while somebody types.
    fn run(&self, program: &str, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
        let mut command = self.command(example(program));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("examples are built with the tests");
        let _ = child.stdin.take().map(|mut terminal| terminal.write_all(typed.as_bytes()));
        let out = child.wait_with_output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        (out.status.code(), said)
    }
    /// What an agent asks, begun and not waited for.
    fn ask(&self, command: &mut Command) -> Asking {
        Asking(Running::start(command.stdin(Stdio::null())))
    }
    /// The approver answers all that waits, once something does.
    async fn answer(&self, typed: &str) -> String {
        let approver_waits = async || {
            let (code, said) = self.run("terminal_approver", &["--once"], "");
            assert_eq!(code, Some(0), "{said}");
            said.contains("== ")
        };
        self.rig.stack.until(approver_waits).await;
        self.run("terminal_approver", &["--once"], typed).1
    }
}

struct Asking(Running);

impl Asking {
    #[track_caller]
    fn line(&self, what: &str) -> String {
        let line = self.0.line(what, |line| line.contains(what));
        line.unwrap_or_else(|| panic!("it ended without {what}:\n{}", self.0.said()))
    }
    /// The last word of the line that has this.
    #[track_caller]
    fn word(&self, what: &str) -> String {
        self.line(what).rsplit(' ').next().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_when_the_person_at_the_other_terminal_says_so() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal { rig: &rig, folder: folder.path() };
    let asks = |command: &[&str]| {
        terminal.ask(terminal.command(example("ask_approval")).args(["--", "sh", "-c"]).args(command))
    };

    let asking = asks(&["mkdir done && echo it ran"]);
    let code = asking.word("Type this code");
    let (well, said) = terminal.run("terminal_approver", &["pair", &code], "y\n");
    assert_eq!(well, Some(0), "{said}");
    assert!(said.contains("label: ask_approval.rs"), "{said}");
    let fingerprint = asking.word("fingerprint");
    assert!(fingerprint.len() == 23 && said.contains(&fingerprint), "{fingerprint}: {said}");
    asking.line("Asked.");
    assert!(!folder.path().join("done").exists());
    let said = terminal.answer("y\n").await;
    assert!(
        said.contains("command: sh -c mkdir done && echo it ran") && said.contains("(verified)"),
        "{said}"
    );
    asking.line("Approved: at the terminal");
    asking.line("it ran");
    assert!(folder.path().join("done").exists());

    // The second time no code is shown, and a no is one.
    let asking = asks(&["rmdir done"]);
    asking.line("Asked.");
    let said = terminal.answer("n\n").await;
    assert!(said.contains("sent"), "{said}");
    asking.line("Rejected: at the terminal");
    assert!(folder.path().join("done").exists() && !asking.0.said().contains("code"));

    // Text that would steer a terminal stands there as text; and a look without an answer leaves the question open.
    let asking = asks(&["echo \u{1b}[2Jx\u{202e}y"]);
    asking.line("Asked.");
    let said = terminal.answer("\n").await;
    assert!(said.contains(r"echo \u{1b}[2Jx\u{202e}y") && !said.contains('\u{1b}'), "{said}");
    assert!(terminal.answer("n\n").await.contains("sent"));
    asking.line("Rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pairing_or_a_credential_nothing_runs() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal { rig: &rig, folder: folder.path() };
    let asking = terminal.ask(terminal.command(example("ask_approval")).args(["touch", "ran"]));
    let code = asking.word("Type this code");
    let (refused, said) = terminal.run("terminal_approver", &["pair", &code], "n\n");
    assert_eq!(refused, Some(1), "{said}");
    asking.line("Not approved: the pairing was rejected or revoked");

    let (code, said) = terminal.run("terminal_approver", &["pair", "AAAAAA"], "y\n");
    assert_eq!(code, Some(1), "{said}");
    let mut stranger = terminal.command(example("ask_approval"));
    let asking = terminal.ask(stranger.env("AIRLOCK_PAT", "airpat_none").args(["touch", "ran"]));
    asking.line("Not approved: the gateway refused");
    assert!(!folder.path().join("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_person_signs_in_by_a_code_once() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal { rig: &rig, folder: folder.path() };
    let asks = || {
        let mut command = terminal.command(example("ask_approval"));
        terminal.ask(command.env_remove("AIRLOCK_PAT").args(["touch", "ran"]))
    };
    let asking = asks();
    let code = asking.word("Sign in at");
    Browser::sign_in(&rig.stack.url).await.allow_device(&code).await;
    let code = asking.word("Type this code");
    let (well, said) = terminal.run("terminal_approver", &["pair", &code], "y\n");
    assert_eq!(well, Some(0), "{said}");
    assert!(terminal.answer("n\n").await.contains("sent"));
    asking.line("Rejected: at the terminal");

    let again = asks();
    again.line("Asked.");
    assert!(terminal.answer("y\n").await.contains("sent"));
    again.line("Approved: at the terminal");
    assert!(!again.0.said().contains("Sign in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_asks_the_same_approver() {
    let Some(python) = needs::variable("AIRLOCK_TEST_PYTHON_OURS") else { return };
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal { rig: &rig, folder: folder.path() };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/ask_approval.py");
    let asks = |command: &str| {
        let mut python = terminal.command(&python);
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").arg(&script);
        terminal.ask(python.args(["--gateway", &rig.stack.url, "--", "sh", "-c", command]))
    };
    let asking = asks("echo it ran");
    let code = asking.word("Enter this code");
    let (well, said) = terminal.run("terminal_approver", &["pair", &code], "yes\n");
    assert_eq!(well, Some(0), "{said}");
    let fingerprint = asking.word("fingerprint");
    assert!(said.contains(&fingerprint), "{fingerprint}: {said}");
    let said = terminal.answer("y\n").await;
    assert!(said.contains("command: sh -c 'echo it ran'") && said.contains("(verified)"), "{said}");
    asking.line("Approved: at the terminal");
    asking.line("it ran");
    let asking = asks("touch ran");
    terminal.answer("n\n").await;
    asking.line("Rejected: at the terminal");
    assert!(!folder.path().join("ran").exists());

    // A pairing that ended: told, and nothing runs.
    let pairing: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join(".airlock-pairing.json")).unwrap()).unwrap();
    let token = serde_json::json!({"routingToken": pairing["routing_token"]});
    assert_eq!(rig.post("/v1/pairing/revoke", &token).await.0, 200);
    asks("touch ran").line("Not approved");
    assert!(!folder.path().join("ran").exists());
}
