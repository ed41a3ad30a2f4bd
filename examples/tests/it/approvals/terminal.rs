//! `airlock-approve`: the program itself, in a terminal and in scripts, at a real control plane.

use std::path::Path;
use std::process::{Command, Stdio};

use airlock_core::approval::{ApprovalGate, Ask};
use serde_json::{Value, json};

use super::rig::{Browser, LONG, Rig, ask};
use super::tty::Tty;
use crate::passage::program::target;

/// One person's machine: a home folder and the environment that the docs set.
pub(super) struct Machine<'a> {
    rig: &'a Rig,
    home: tempfile::TempDir,
}

impl<'a> Machine<'a> {
    pub(super) fn of(rig: &'a Rig) -> Self {
        Self { rig, home: tempfile::tempdir().unwrap() }
    }
    #[expect(clippy::disallowed_methods, reason = "runs the program as a person would")]
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path());
        command.env("AIRLOCK_GATEWAY_URL", &self.rig.stack.url).env("AIRLOCK_PAT", &self.rig.pat);
        command
    }
    fn tty_of(&self, mut command: Command, args: &str) -> Tty {
        Tty::start(&mut command, &format!("{} {args}", target().join("airlock-approve").display()))
    }
    /// The program in a terminal.
    pub(super) fn tty(&self, args: &str) -> Tty {
        self.tty_of(self.command("script"), args)
    }
    /// The program in a script: its exit code, what is on stdout, what is on stderr.
    fn run_as(&self, mut command: Command, args: &[&str]) -> (Option<i32>, String, String) {
        let out = command.args(args).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (out.status.code(), text(&out.stdout), text(&out.stderr))
    }
    pub(super) fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        self.run_as(self.command(target().join("airlock-approve")), args)
    }
    /// Pairs an agent of this name by its code.
    pub(super) async fn pair(&self, name: &str) -> airlock_client::approvals::RemoteGate {
        let begun = self.rig.approvals(name).pair().await.unwrap();
        let mut tty = self.tty(&format!("pair {}", begun.code().to_lowercase()));
        tty.line(&format!("   | enforcer: {name}"));
        tty.line("   | workspace: acme-shop");
        let fingerprint = tty.word("Your fingerprint: ");
        tty.line("Pair? y");
        tty.types("y\n");
        tty.line("Paired.");
        let (code, screen) = tty.end();
        assert_eq!(code, Some(0), "{screen}");
        let gate = self.rig.gate(name, begun).await;
        assert_eq!(gate.pairing().fingerprint(), fingerprint);
        gate
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_pairs_and_answers_each_request_as_it_comes() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let gate = machine.pair("agent").await;
    let mut tty = machine.tty("");
    tty.line("Waiting for requests");
    // What was typed before a question is no answer to it: else this would approve.
    tty.types("y\n\n");
    tty.line("y");

    let no = gate.submit(ask("rm -rf / \u{1b}[2J\u{1b}[H\u{202e}x\u{200b}\n== Request req-0")).await.unwrap();
    tty.line(&format!("== Request {no}"));
    tty.line("   | command:");
    tty.line(r"   |     rm -rf / \u{1b}[2J\u{1b}[H\u{202e}x\u{200b}");
    tty.line("   |     == Request req-0");
    tty.line("verified");
    tty.line("y = approve, n = reject, s = skip");
    tty.types("perhaps\n");
    tty.line("y = approve, n = reject, s = skip");
    tty.types("n\n");
    tty.line("Reason");
    tty.types("not on this machine\n");
    tty.line("rejected");
    let believed = gate.wait(&no, LONG).await.unwrap().unwrap();
    assert_eq!((believed.is_approved(), believed.unverified_reason()), (false, Some("not on this machine")));

    let yes = gate.submit(ask("ls")).await.unwrap();
    tty.line(&format!("== Request {yes}"));
    tty.line("   | command: ls");
    tty.line("y = approve");
    tty.types("y\n");
    tty.line("Reason");
    tty.types("\n");
    tty.line("approved");
    let believed = gate.wait(&yes, LONG).await.unwrap().unwrap();
    assert_eq!((believed.is_approved(), believed.unverified_reason()), (true, None));

    // Buttons say what they do, whatever they are called.
    let actions = json!({"version": 1, "actions": [
        {"id": "a", "caption": "Cancel\u{1b}[2K", "decision": "approve", "style": "danger"},
        {"id": "b", "caption": "Do it", "decision": "reject"},
    ]});
    let payload = json!({"command": "deploy", "extensions": {"org.harp.requestedActions": actions}});
    let chosen = gate.submit(Ask::new("command-approval".parse().unwrap(), payload)).await.unwrap();
    tty.line("1 = approve, marked as dangerous, under this name:");
    tty.line(r"   | Cancel\u{1b}[2K");
    tty.line("2 = reject, under this name:");
    tty.line("y = approve");
    tty.types("2\n");
    tty.line("Reason");
    tty.types("\n");
    tty.line("rejected");
    assert!(!gate.wait(&chosen, LONG).await.unwrap().unwrap().is_approved());

    // One that ends while the question is open.
    let gone = gate.submit(ask("sleep 1")).await.unwrap();
    tty.line(&format!("== Request {gone}"));
    tty.line("y = approve");
    gate.withdraw(&gone).await.unwrap();
    tty.line("It is over");

    let skipped = gate.submit(ask("sleep 2")).await.unwrap();
    tty.line(&format!("== Request {skipped}"));
    tty.line("y = approve");
    tty.types("s\n");
    tty.line("Skipped");
    tty.types("\u{3}");
    tty.line("Left;");
    let (code, screen) = tty.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(rig.state_of(&skipped).await, "PendingApproval");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_lists_approves_rejects_and_ends_a_pairing() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let gate = machine.pair("agent").await;
    let yes = gate.submit(ask("ls \u{9b}31m\u{202e}")).await.unwrap();
    let no = gate.submit(ask("rm")).await.unwrap();
    let long = gate.submit(ask(&"x".repeat(30_000))).await.unwrap();

    let (code, out, said) = machine.run(&["inbox", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.trim_end().bytes().all(|b| (b' '..=b'~').contains(&b)), "{out}");
    let items: Vec<Value> = serde_json::from_str(&out).unwrap();
    let ids: Vec<&str> = items.iter().filter_map(|item| item["request_id"].as_str()).collect();
    assert_eq!(ids, [long.as_str(), no.as_str(), yes.as_str()], "newest first");
    assert!(items.iter().all(|item| item["check"] == "verified" && item["enforcer"] == "agent"), "{out}");
    let asked: Value = serde_json::from_str(items[2]["asked"].as_str().unwrap()).unwrap();
    assert_eq!(asked["command"], "ls \u{9b}31m\u{202e}");
    let (_, out, said) = machine.run(&["inbox"]);
    assert!(out.lines().count() == 3 && out.contains(&format!("{yes}\tcommand-approval\tagent\t")), "{out}");
    assert!(said.starts_with("request_id  type"), "{said}");

    let (code, out, said) = machine.run(&["approve", yes.as_str(), "--yes", "--reason", "by a script"]);
    assert_eq!((code, out.as_str()), (Some(0), format!("{yes}\n").as_str()), "{said}");
    assert!(said.contains(r"   | command: ls \u{9b}31m\u{202e}"), "{said}");
    let believed = gate.wait(&yes, LONG).await.unwrap().unwrap();
    assert_eq!((believed.is_approved(), believed.unverified_reason()), (true, Some("by a script")));
    let (code, out, _) = machine.run(&["--json", "reject", no.as_str(), "--reason", "no"]);
    assert_eq!((code, out), (Some(0), format!("{{\"rejected\":\"{no}\"}}\n")));
    assert!(!gate.wait(&no, LONG).await.unwrap().unwrap().is_approved());
    let (code, out, said) = machine.run(&["approve", no.as_str(), "--yes"]);
    assert!(code == Some(1) && out.is_empty() && said.contains("no request of this id waits"), "{said}");

    // Nobody types, and what was cut needs more than --yes and more than y.
    for args in [&["approve", long.as_str()][..], &["approve", long.as_str(), "--yes"]] {
        let (code, out, said) = machine.run(args);
        assert!(code == Some(1) && out.is_empty() && said.contains("characters are not shown"), "{said}");
    }
    let mut tty = machine.tty(&format!("approve {long}"));
    tty.line("'yes without seeing' = approve all the same");
    tty.types("y\n");
    tty.line("nothing was sent");
    assert_eq!(tty.end().0, Some(1));
    assert_eq!(rig.state_of(&long).await, "PendingApproval");
    let mut tty = machine.tty(&format!("approve {long}"));
    tty.line("'yes without seeing' = approve all the same");
    tty.types("yes without seeing\n");
    assert_eq!(tty.end().0, Some(0));
    assert!(gate.wait(&long, LONG).await.unwrap().unwrap().is_approved());

    let (_, out, _) = machine.run(&["pairings", "--json"]);
    let pairings: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!((pairings.len(), &pairings[0]["workspace"]), (1, &json!("acme-shop")));
    let nonce = pairings[0]["nonce"].as_str().unwrap();
    let (code, out, said) = machine.run(&["unpair", nonce]);
    assert_eq!((code, out), (Some(0), format!("{nonce}\n")), "{said}");
    assert!(gate.submit(ask("ls")).await.is_err());
    assert_eq!(machine.run(&["pairings"]).1, "");
    assert_eq!(machine.run(&["unpair", nonce]).0, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_their_devices_and_takes_one_back_and_says_which_apps_may_ask() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let gate = machine.pair("agent").await;
    let (code, out, said) = machine.run(&["devices", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let devices: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!((devices.len(), &devices[0]["fingerprint"]), (1, &json!(gate.pairing().fingerprint())));
    let key = devices[0]["signerKeyId"].as_str().unwrap();
    assert_eq!(machine.run(&["revoke-device", key]).1, format!("{key}\n"));
    assert!(gate.submit(ask("ls")).await.is_err());
    let (_, out, _) = machine.run(&["devices", "--json"]);
    let devices: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(devices[0]["revokedAt"].is_string(), "{out}");
    assert_eq!(machine.run(&["revoke-device", "key-none"]).0, Some(1));

    let made = rig.stack.cli(&["--json", "app", "create", "--kind", "Agent", "--name", "builder"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |member: &str| made[member].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let (app, client, secret) = (text("app_id"), text("client_id"), text("client_secret"));
    let asks = async || {
        let sent = crate::http::client().build().unwrap().get(format!("{}/v1/consent/status", rig.stack.url));
        let sent = sent.header("x-pat", &rig.pat).header("x-client-id", &client);
        sent.header("x-client-secret", &secret).send().await.unwrap().status().as_u16()
    };
    assert_eq!(asks().await, 403);
    let (_, out, said) = machine.run(&["consents"]);
    assert!(out.starts_with(&format!("{app}\tbuilder\tPending\t")), "{out}{said}");
    assert_eq!(machine.run(&["allow", &app]).1, "Allowed\n");
    assert_eq!(asks().await, 200);
    assert_eq!(machine.run(&["deny", &app]).1, "Denied\n");
    assert_eq!(asks().await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_ones_own_is_taken_up_and_a_no_pairs_nobody() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let approvals = rig.approvals("agent");
    for (word, code, paired) in [("n", Some(1), false), ("y", Some(0), true)] {
        let mut tty = machine.tty("pair");
        let typed = tty.word("Give this code to the agent:");
        let begun = approvals.claim(&typed).await.unwrap();
        tty.line("   | enforcer: agent");
        assert!(tty.line("The agent's key:").ends_with(&begun.public_key()));
        tty.line("Pair? y");
        tty.types(&format!("{word}\n"));
        let (ended, screen) = tty.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(begun.completed(&approvals).await.is_ok(), paired);
    }
    let (code, _, said) = machine.run(&["pair", "AAAAAA"]);
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_signs_in_with_a_code_until_they_sign_out() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let without = |program: &Path| {
        let mut command = machine.command(program);
        command.env_remove("AIRLOCK_PAT");
        command
    };
    let run = |args: &[&str]| machine.run_as(without(&target().join("airlock-approve")), args);
    let (code, _, said) = run(&["inbox"]);
    assert!(code == Some(1) && said.contains("sign-in"), "{said}");

    let mut tty = machine.tty_of(without(Path::new("script")), "sign-in");
    let code = tty.word("Sign in at");
    Browser::sign_in(&rig.stack.url).await.allow_device(&code).await;
    assert_eq!(tty.end().0, Some(0));
    let kept = machine.home.path().join(".local/state/airlock-approve/tokens.json");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, out, said) = run(&["inbox", "--json"]);
    assert_eq!((code, out.as_str()), (Some(0), "[]\n"), "{said}");

    assert_eq!(run(&["sign-out"]).0, Some(0));
    assert!(!kept.exists());
    assert_eq!(run(&["inbox"]).0, Some(1));
}
