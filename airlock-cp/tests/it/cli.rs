//! The command line, as a script sees it: arguments, environment, stdout, exit code.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use airlock_core::runtime::SystemHost;
use airlock_cp::{App, Store};
use axum::Router;

use crate::audit::call;
use crate::harness::{Cp, TOKEN, config, http_client};

#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock-cp"));
    command.env_clear().env("AIRLOCK_CP_DATA_DIR", data);
    command
}

fn run(data: &Path, args: &[&str]) -> Output {
    command(data).args(args).output().unwrap()
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

#[test]
fn help_is_the_committed_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut help = String::new();
    for args in [
        vec![],
        vec!["tenant"],
        vec!["tenant", "create"],
        vec!["enrollment"],
        vec!["enrollment", "create"],
        vec!["api-key"],
        vec!["api-key", "create"],
        vec!["api-key", "scope"],
        vec!["worker"],
        vec!["user"],
        vec!["org"],
        vec!["session"],
        vec!["client"],
        vec!["app"],
        vec!["pat"],
        vec!["grant"],
        vec!["audit"],
        vec!["audit", "tail"],
        vec!["audit", "export"],
        vec!["audit", "verify"],
        vec!["token"],
        vec!["backup"],
    ] {
        let text = said(&run(dir.path(), &[args.as_slice(), &["--help"]].concat()));
        help.push_str(&format!("$ airlock-cp {} --help\n{text}\n\n", args.join(" ")));
    }
    insta::assert_snapshot!("help", help);
}

#[test]
fn a_first_tenant_key_and_token_on_the_store_itself() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("new/data");
    assert_eq!(said(&run(&data, &["migrate"])), airlock_cp::store::SCHEMA_VERSION.to_string());
    assert_eq!(said(&run(&data, &["tenant", "create", "acme"])), "t_acme");
    let token =
        said(&run(&data, &["enrollment", "create", "--tenant", "t_acme", "--worker-id", "w_acme_prod"]));
    assert!(token.starts_with("enroll_") && token.len() == 59, "{token}");
    let key = said(&run(
        &data,
        &[
            "api-key",
            "create",
            "--tenant",
            "t_acme",
            "--name",
            "litellm",
            "--snapshots",
            "u_42,u_5*",
            "--expires",
            "30d",
        ],
    ));
    assert!(key.starts_with("ak_live_") && key.len() == 60, "{key}");
    let listed = said(&run(&data, &["api-key", "list", "--tenant", "t_acme"]));
    assert!(listed.starts_with(&format!("{}\tlitellm\tactive\t", &key[8..16])), "{listed}");
    let json = said(&run(&data, &["--json", "api-key", "list", "--tenant", "t_acme"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["allowed_snapshots"], serde_json::json!(["u_42", "u_5*"]));
    let kid = &key[8..16];
    assert_eq!(
        said(&run(&data, &["api-key", "scope", "--tenant", "t_acme", kid, "--tools", "get_schema"])),
        kid
    );
    assert_eq!(said(&run(&data, &["api-key", "revoke", "--tenant", "t_acme", kid])), "revoked");
    assert_eq!(said(&run(&data, &["tenant", "disable", "t_acme"])), "disabled");
    assert_eq!(said(&run(&data, &["tenant", "disable", "t_acme", "--undo"])), "active");

    let log = said(&run(&data, &["audit", "tail", "--tenant", "t_acme"]));
    assert_eq!(log.lines().count(), 7, "{log}");
    let file = dir.path().join("log.jsonl");
    let path = file.to_str().unwrap();
    said(&run(&data, &["audit", "export", "--tenant", "t_acme", "--out", path]));
    assert_eq!(said(&run(dir.path(), &["audit", "verify", path])), "true");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("key.revoked", "key.created", 1)).unwrap();
    let broken = run(dir.path(), &["audit", "verify", path]);
    assert_eq!((broken.status.code(), broken.stdout.len()), (Some(4), 0));
    let copy = dir.path().join("copy.sqlite");
    said(&run(&data, &["backup", copy.to_str().unwrap()]));
    assert!(copy.exists());
}

#[tokio::test]
async fn an_export_whose_oldest_records_are_gone_is_verified_by_the_program() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    cp.clock.advance(Duration::from_hours(24 * 401));
    cp.app.audit().close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
    // Unless it did so by itself just now.
    assert!(cp.app.prune_audit().await.unwrap() <= 1);
    let export = cp.get("/api/v1/tenants/t_acme/audit/export").await.body;
    let export = export.as_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log.jsonl");
    let verify = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(dir.path(), &["--json", "audit", "verify", file.to_str().unwrap()])
    };
    let report: serde_json::Value = serde_json::from_str(&said(&verify(export))).unwrap();
    assert_eq!((&report["ok"], &report["pruned_seq"]), (&true.into(), &1.into()), "{report}");
    for altered in [
        export.replacen("\"to_seq\":1", "\"to_seq\":2", 1),
        export.replacen("\"tombstone\":{\"org_id\":\"default\"", "\"tombstone\":{\"org_id\":\"other\"", 1),
    ] {
        assert_ne!(altered, export);
        assert_eq!(verify(&altered).status.code(), Some(4));
    }
}

#[test]
fn exit_codes_tell_what_kind_of_failure_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let code = |args: &[&str]| run(dir.path(), args).status.code();
    assert_eq!(code(&["tenant", "show", "t_ghost"]), Some(1));
    assert_eq!(code(&["tenant", "create", "!"]), Some(1));
    assert_eq!(code(&["nonsense"]), Some(2));
    assert_eq!(code(&["serve"]), Some(2), "without an operator token");
    assert_eq!(code(&["--url", "http://cp.example.com", "tenant", "list"]), Some(2));
    assert_eq!(code(&["audit", "verify", "/nowhere"]), Some(1));
    let short = command(dir.path()).env("AIRLOCK_CP_OPERATOR_TOKEN", "short").arg("serve").output().unwrap();
    assert_eq!(short.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&short.stderr).contains("at least 32 characters"));
    let away = command(dir.path())
        .env("AIRLOCK_CP_OPERATOR_TOKEN", TOKEN)
        .args(["--url", "http://127.0.0.1:1", "tenant", "list"])
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(3));
}

#[test]
fn a_generated_token_is_long_and_new_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let token = || said(&run(dir.path(), &["token", "generate"]));
    let (one, two) = (token(), token());
    assert_eq!(one.len(), 43);
    assert_ne!(one, two);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_words_work_on_a_control_plane_far_away() {
    let app = App::new(config(), Store::memory().await.unwrap(), Arc::new(SystemHost::new())).await.unwrap();
    let listening = airlock_cp::serve::serve(&app, app.router(Router::new(), Router::new())).await.unwrap();
    let url = format!("http://{}", listening.address);
    let dir = tempfile::tempdir().unwrap();
    let remote = |args: &[&str], token: &str| {
        let args: Vec<String> = ["--url", &url].iter().chain(args).map(|a| (*a).to_owned()).collect();
        let mut command = command(dir.path());
        command.env("AIRLOCK_CP_OPERATOR_TOKEN", token).args(args);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    assert_eq!(said(&remote(&["tenant", "create", "acme"], TOKEN).await.unwrap()), "t_acme");
    let listed = said(&remote(&["tenant", "list"], TOKEN).await.unwrap());
    assert!(listed.starts_with("t_acme\tacme\tactive\tacme\t"), "{listed}");
    let export = said(&remote(&["audit", "export", "--tenant", "t_acme"], TOKEN).await.unwrap());
    assert!(export.lines().next().unwrap().contains("airlock_audit_export"));
    let refused = remote(&["tenant", "list"], &"x".repeat(40)).await.unwrap();
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "nothing was made here");
    app.shut_down(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the binary and its signals are what is tested")]
async fn serve_says_where_it_listens_and_ends_well_on_sigterm() {
    use std::io::BufRead as _;
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path())
        .env("AIRLOCK_CP_OPERATOR_TOKEN", TOKEN)
        .env("AIRLOCK_CP_BIND", "127.0.0.1:0")
        .env("AIRLOCK_CP_METRICS_BIND", "off")
        .arg("serve")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
    let answer = http_client().get(format!("http://{}/readyz", address.trim())).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    // Somebody at the keyboard may work on the same store meanwhile.
    assert_eq!(said(&run(dir.path(), &["tenant", "create", "acme"])), "t_acme");
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    assert!(!log.contains(TOKEN));
}
