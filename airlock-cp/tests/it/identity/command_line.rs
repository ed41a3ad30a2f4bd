//! `airlock-cp user|org|session`: the value on stdout, and nothing else.
#![cfg(feature = "cli")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
fn run(data: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock-cp"))
        .env_clear()
        .env("AIRLOCK_CP_DATA_DIR", data)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

#[test]
fn the_first_owner_and_an_org_on_the_store_itself() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(dir.path(), args, "");
    let link = said(&run(&["user", "create", "ada@example.com", "--owner"]));
    assert!(link.starts_with("http://127.0.0.1:8080/reset?token=ml_"), "{link}");
    let members = said(&run(&["org", "members", "default"]));
    assert!(members.contains("ada@example.com\towner\tactive"), "{members}");
    let org = said(&run(&["org", "create", "Acme", "--slug", "acme"]));
    assert!(org.starts_with("org_"));
    assert_eq!(said(&run(&["org", "rename", "acme", "Acme Ltd."])), "Acme Ltd.");
    assert!(said(&run(&["org", "show", "acme"])).contains("Acme Ltd."));
    let link = said(&run(&["user", "invite", "eve@example.com", "--org", "acme", "--role", "admin"]));
    assert!(link.contains("/invitations/accept?token=inv_"), "{link}");
    let eve = said(&self::run(
        dir.path(),
        &["user", "create", "eve@example.com", "--owner", "--new-org", "Eve's", "--password-stdin"],
        "lantern moss corner violin\n",
    ));
    assert!(eve.starts_with("usr_"), "{eve}");
    assert_eq!(said(&run(&["session", "list", "eve@example.com"])), "");
    assert_eq!(said(&run(&["session", "revoke", "EVE@example.com"])), eve);
    let last = run(&["user", "disable", "eve@example.com"]);
    assert_eq!(last.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&last.stderr).contains("keeps an owner"));
    for args in [&["user", "show", "nobody@example.com"][..], &["org", "show", "ghost"]] {
        assert_eq!(run(args).status.code(), Some(1), "{args:?}");
    }
    for args in [
        &["user", "delete", &eve][..],
        &["org", "delete", "acme"],
        &["user", "create", "x@y.example", "--org", "acme"],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(said(&run(&["org", "delete", "acme", "--yes"])), "acme");
    let weak =
        self::run(dir.path(), &["user", "create", "z@example.com", "--password-stdin"], "password1234\n");
    assert_eq!(weak.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&weak.stderr).contains("password1234"));
}
