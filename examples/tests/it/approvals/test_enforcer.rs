//! The test enforcer in a real terminal, against a real control plane, with a person at the other end.

use std::path::Path;
use std::process::Command;

use airlock_client::approver::{Approver, Choice};
use airlock_core::approval::Verdict;
use serde_json::Value;

use super::rig::{Browser, Rig};
use super::screen::{Screen, size};
use crate::passage::stack::target;

/// A terminal in which somebody begins the program, in a folder of theirs.
fn begin(folder: &Path) -> Screen {
    #[expect(clippy::disallowed_methods, reason = "runs the example as a reader would")]
    let mut command = Command::new("script");
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder);
    let program = target().join("examples/test_enforcer");
    // What stands there afterwards tells that the terminal was given back.
    Screen::start(&mut command, &format!("{}; code=$?; echo gone $code; exit $code", program.display()))
}

/// Types the gateway's address over the one that is proposed, and takes the rest as it is.
fn set_up(screen: &mut Screen, url: &str) {
    screen.shows("Set up");
    screen.types(&"\u{7f}".repeat(40));
    screen.types(&format!("{url}\r\r\r\r\r\r"));
}

pub(super) async fn answer(approver: &Approver, rig: &Rig, verdict: Verdict, reason: &str) {
    rig.stack.until(async || !approver.inbox().await.unwrap().waiting.is_empty()).await;
    let inbox = approver.inbox().await.unwrap();
    let opened = approver.open(&inbox.waiting[0]).unwrap();
    let choice = match verdict {
        Verdict::Approve => Choice::Approve(opened.verified().unwrap()),
        Verdict::Reject => Choice::Reject(&inbox.waiting[0]),
    };
    approver.decide(choice, Some(reason)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_from_set_up_to_sign_out() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::start().await;
    let (folder, approver) = (tempfile::tempdir().unwrap(), rig.approver("life"));
    let mut screen = begin(folder.path());
    set_up(&mut screen, &rig.stack.url);
    screen.shows("1  with a code");
    let settings = folder.path().join(".test-enforcer/settings.json");
    assert_eq!(std::fs::metadata(&settings).unwrap().permissions().mode() & 0o777, 0o600);

    // Signs in with a code.
    screen.types("1");
    let code = screen.word_after("type   ");
    Browser::sign_in(&rig.stack.url).await.allow_device(&code).await;

    // Pairs by a code of its own; an approver with other keys would be noticed.
    screen.shows("1  show a code");
    screen.types("1");
    let code = screen.word_after("airlock-approve pair ");
    let invitation = approver.resolve(&code).await.unwrap();
    screen.shows(&invitation.enforcer_key());
    approver.accept(&invitation).await.unwrap();
    screen.shows("Does your approver show this fingerprint?");
    screen.shows(&approver.fingerprint());
    screen.types("y");
    screen.shows("Nothing was asked yet");
    screen.shows("heartbeat");

    // Asks about a command: no.
    screen.types("c");
    screen.shows("Ask about a command");
    screen.types("rm -rf build\r\r");
    screen.shows("waiting, ");
    answer(&approver, &rig, Verdict::Reject, "not \u{1b}[2Jthis\u{202e} one").await;
    screen.shows("REJECTED");
    screen.shows(r"not \u{1b}[2Jthis\u{202e} one");

    // Asks about anything, in a smaller window: yes.
    screen.types("j");
    screen.shows("Ask about anything");
    screen.types("\r");
    screen.types(&"\u{7f}".repeat(20));
    screen.types("{\"plan\": [\"test\", \"deploy\"]}\r\r");
    screen.shows("waiting, ");
    screen.resize(24, 70);
    screen.until("a smaller screen", |screen| {
        screen.size() == (size(24), size(70)) && screen.contents().contains("This one")
    });
    answer(&approver, &rig, Verdict::Approve, "go on").await;
    screen.shows("APPROVED");
    screen.shows("go on");

    // Leaves while something waits, comes back, takes it back.
    screen.types("c");
    screen.types("sleep 1\r\r");
    screen.until("what was sent", |screen| screen.contents().matches("waiting, ").count() == 2);
    screen.types("\u{3}");
    let (code, left) = screen.end();
    assert!(code == Some(0) && left.contains("gone 0"), "{left}");
    let mut screen = begin(folder.path());
    screen.shows("asked in an earlier run");
    screen.types("w");
    screen.shows("withdrawn");
    assert!(approver.inbox().await.unwrap().waiting.is_empty());

    // Ends the pairing for both, and the sign-in.
    screen.types("u");
    screen.shows("End the pairing for both sides?");
    screen.types("y");
    screen.shows("The pairing is over, for both sides.");
    screen.types("o");
    screen.shows("Signed out.");
    screen.types("q");
    assert_eq!(screen.end().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_a_code_of_the_approver_and_a_pairing_that_the_approver_ends() {
    let rig = Rig::start().await;
    let (folder, approver) = (tempfile::tempdir().unwrap(), rig.approver("token"));
    let mut screen = begin(folder.path());
    // An address at which nobody is: said, and the settings are a key away.
    set_up(&mut screen, "http://127.0.0.1:1");
    screen.shows("The gateway did not answer");
    screen.types("s");
    set_up(&mut screen, &rig.stack.url);
    screen.shows("3  with a personal access token");
    screen.types("3");
    screen.shows("airpat_…");
    screen.types("airpat_none\r");
    // A token that is none is told, and another can be typed.
    screen.shows("personal access token was revoked or expired");
    screen.types("3");
    screen.types(&format!("{}\r", rig.pat));

    let made = approver.pre_generate(None).await.unwrap();
    screen.shows("2  take up a code");
    screen.types("2");
    screen.shows("Your approver shows it");
    screen.types(&format!("{}\r", made.pairing_code.to_lowercase()));
    screen.shows("It should show this key");
    let invitation = approver.resolve(&made.pairing_code).await.unwrap();
    approver.accept(&invitation).await.unwrap();
    screen.shows("Does your approver show this fingerprint?");
    screen.types("y");
    screen.shows("Nothing was asked yet");

    // The approver ends it: what is asked next says so, and leads back to pairing.
    approver.revoke(&made.pairing_nonce).await.unwrap();
    screen.types("c");
    screen.shows("Ask about a command");
    screen.types("ls\r\r");
    screen.shows("Pair again");
    screen.shows("1  show a code");
    screen.types("q");
    assert_eq!(screen.end().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_on_the_same_machine_signs_in_and_a_signal_gives_the_terminal_back() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut screen = begin(folder.path());
    set_up(&mut screen, &rig.stack.url);
    screen.shows("2  with a browser");
    screen.types("2");
    let shown = screen.shows("code_challenge_method=S256");
    // The address goes over several lines, in a frame.
    let lines = shown.lines().map(|line| line.trim_matches(['│', ' ']));
    let lines = lines.skip_while(|line| !line.starts_with("http")).take_while(|line| !line.is_empty());
    let url: String = lines.collect();
    Browser::sign_in(&rig.stack.url).await.allow_client(&url).await;
    screen.shows("1  show a code");

    // In raw mode, and out of it again after a signal.
    assert!(screen.stty(&["-a"]).contains("-icanon"));
    let program = *screen.descendants().last().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the tests run the programs themselves")]
    let killed = Command::new("kill").args(["-TERM", &program.to_string()]).status().unwrap();
    assert!(killed.success());
    let (code, left) = screen.end();
    assert!(code == Some(0) && left.contains("gone 0"), "{code:?} {left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_not_allowed_says_what_to_do_and_goes_on_once_it_is() {
    let rig = Rig::start().await;
    let made = rig.stack.cli(&["--json", "app", "create", "--kind", "Agent", "--name", "builder"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut screen = begin(folder.path());
    screen.shows("Set up");
    screen.types(&"\u{7f}".repeat(40));
    let url = &rig.stack.url;
    screen.types(&format!("{url}\r\r\r\r{}\r{}\r", text("client_id"), text("client_secret")));
    screen.shows("3  with a personal access token");
    screen.types("3");
    screen.shows("airpat_…");
    screen.types(&format!("{}\r", rig.pat));
    let shown = screen.shows("airlock-approve allow APP");
    assert!(
        shown.contains("Not allowed yet") && shown.contains("Ask the person to allow the app"),
        "{shown}"
    );
    let allow = format!("/v1/consents/{}/allow", text("app_id"));
    assert_eq!(rig.post(&allow, &Value::Null).await.0, 200);
    screen.shows("1  show a code");
    screen.types("q");
    assert_eq!(screen.end().0, Some(0));
}

#[test]
fn without_a_terminal_it_says_so() {
    let mut command = crate::passage::program::program("examples/test_enforcer");
    let out = command.output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("there is none"));
    let out = crate::passage::program::program("examples/test_enforcer").arg("--help").output().unwrap();
    assert!(out.status.success() && String::from_utf8_lossy(&out.stdout).contains("--folder"));
}
