//! A worker gets another key while it runs.

use super::database::{Database, POLICY};
use super::program::program;
use super::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_new_key_is_let_in_and_with_the_old_one_is_not() {
    let Some(database) = Database::new().await else { return };
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let worker = stack.worker("t_acme", "w_acme_turn", POLICY, &database.reader_url());
    let key = stack.key("t_acme", &[]);
    let rotate = || {
        let config = stack.folder.path().join("w_acme_turn/airlock.yaml");
        let mut command = program("airlock");
        let out = command.env("AIRLOCK_CONFIG", config).args(["register", "--rotate"]).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, said) = rotate();
    assert!(code == Some(0) && said.contains("restart the worker"), "{said}");
    assert!(worker.line("refusal", |line| line.contains("not_authenticated")).is_some(), "{}", worker.said());
    drop(worker);

    let _again = stack.worker("t_acme", "w_acme_turn", POLICY, &database.reader_url());
    let answer = stack.sql("acme", &key, "u_1", "SELECT count(*) FROM users").await;
    assert_eq!(answer["result"]["structuredContent"]["rows"][0][0], 1, "{answer}");
    stack.cli(&["worker", "revoke", "w_acme_turn", "--tenant", "t_acme"]);
    let (code, said) = rotate();
    assert!(code == Some(5) && said.contains("register it with a new token"), "{code:?} {said}");
}
