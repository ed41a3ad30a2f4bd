//! `airlock-approve` without a gateway: help, usage, exit codes. With one: `examples/tests/it/approvals/terminal.rs`.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::{Command, Output};

#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
fn run(home: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock-approve"));
    command.env_clear().env("HOME", home).envs(env.iter().copied()).args(args).output().unwrap()
}

#[test]
fn help_is_the_committed_one() {
    let home = tempfile::tempdir().unwrap();
    let mut help = String::new();
    for args in [
        &[][..],
        &["pair"],
        &["unpair"],
        &["history"],
        &["watch"],
        &["approve"],
        &["reject"],
        &["dnd"],
        &["dnd", "set"],
        &["dnd", "off"],
    ] {
        let out = run(home.path(), &[args, &["--help"]].concat(), &[]);
        assert!(out.status.success());
        help.push_str(&format!("$ airlock-approve {} --help\n", args.join(" ")));
        help.push_str(&format!("{}\n\n", String::from_utf8(out.stdout).unwrap().trim_end()));
    }
    insta::assert_snapshot!("help", help);
}

#[test]
fn what_is_wrong_is_said_on_stderr_with_an_exit_code_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let check = |args: &[&str], env: &[(&str, &str)], code: i32, says: &str| {
        let out = run(home.path(), args, env);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says) && out.stdout.is_empty(), "{args:?}: {said}");
    };
    let nobody = [("AIRLOCK_GATEWAY_URL", "http://127.0.0.1:1"), ("AIRLOCK_PAT", "airpat_x")];
    check(&["inbox"], &[], 2, "AIRLOCK_GATEWAY_URL is not set");
    check(&["inbox", "--gateway", "http://gw.example.com"], &[], 2, "has to be https");
    check(&["dance"], &nobody, 2, "unrecognized");
    check(&["sign-in"], &nobody, 2, "AIRLOCK_PAT");
    check(&["pair", "no code"], &nobody, 2, "six letters and digits");
    check(&["inbox"], &nobody, 3, "cannot be reached");
    check(&["unpair", "pn-none"], &nobody, 2, "no pairing of this name");
}

#[cfg(unix)]
#[test]
fn keys_are_made_once_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let env = [("AIRLOCK_GATEWAY_URL", "http://127.0.0.1:1"), ("AIRLOCK_PAT", "airpat_x")];
    let fingerprint = || {
        let out = run(home.path(), &["pairings"], &env);
        assert!(out.status.success() && out.stdout.is_empty());
        String::from_utf8(out.stderr).unwrap()
    };
    let first = fingerprint();
    assert!(first.contains("Your fingerprint: ") && fingerprint() == first, "{first}");
    let folder = home.path().join(".local/state/airlock-approve");
    let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((rights(&folder), rights(&folder.join("approver.json"))), (0o700, 0o600));
}
