//! Each bench runs, small, and prints a figure for everything that it measures. Which figure is nobody's business here.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::process::Command;

/// Whether a variable of the test run is set. That it is not is said aloud; where tests must run, that is a failure.
#[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
fn is_there(name: &str) -> bool {
    let found = std::env::var(name).is_ok_and(|value| !value.is_empty());
    if !found {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{name} is not set");
        println!("skipped: {name} is not set; run `make test`");
    }
    found
}

/// Runs one, and compares the first cells of all its rows.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test of programs runs them")]
fn check(program: &str, needs: &[&str], args: &str, rows: &[&str]) {
    if !needs.iter().all(|name| is_there(name)) {
        return;
    }
    let out = Command::new(program).args(args.split_whitespace()).output().expect("it starts");
    let said = String::from_utf8(out.stdout).expect("it prints UTF-8");
    assert!(out.status.success(), "{}\n{said}", String::from_utf8_lossy(&out.stderr));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>();
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with('|')).collect();
    let heads =
        || lines.iter().enumerate().filter(|(_, line)| line.starts_with("| ---")).map(|(at, _)| at - 1);
    let body = lines.iter().enumerate().filter(|(at, _)| heads().all(|head| *at != head && *at != head + 1));
    let body: Vec<Vec<String>> = body.map(|(_, line)| cells(line)).collect();
    let firsts: Vec<&str> = body.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(firsts, rows, "{said}");
    for row in &body {
        assert!(row[1..].iter().all(|cell| cell.starts_with(|c: char| c.is_ascii_digit())), "{row:?}");
    }
    assert!(said.contains("debug build") == cfg!(debug_assertions), "{said}");
}

const POSTGRES: &str = "AIRLOCK_TEST_POSTGRES";

#[test]
fn the_parts_are_measured() {
    let masks = [
        "clear (copied)",
        "redact",
        "truncate",
        "partial",
        "email",
        "hash of text",
        "hash_int",
        "date_trunc",
        "scrub of a sentence with a phone number",
        "hash of few values",
    ];
    let statements = ["point", "aggregate", "join with a window"];
    let rows = [masks.as_slice(), &statements, &statements].concat();
    check(env!("CARGO_BIN_EXE_bench-small"), &[], "--cells 1 --rounds 1 --times 2", &rows);
}

#[test]
fn an_export_is_measured_beside_a_copy() {
    let rows = ["raw binary COPY to nowhere", "export, nothing masked", "export, 6 of 16 columns masked"];
    check(env!("CARGO_BIN_EXE_bench-export"), &[POSTGRES], "--rows 1000 --rounds 1", &rows);
}

#[test]
fn the_passage_is_measured_beside_psycopg() {
    let statements = ["point", "aggregate", "join of four"];
    let memory = ["control plane", "worker with its query children"];
    let steps = [
        "`ping`: HTTP, the key",
        "a call out of the key's scope: and a durable audit row",
        "`get_schema`: and the tunnel, the worker",
        "`execute_sql`, the same point query: and a query child",
    ];
    let rows = [statements.as_slice(), &statements, &steps, &statements, &memory].concat();
    let needs = [POSTGRES, "AIRLOCK_TEST_PYTHON_PSYCOPG"];
    let args = "--customers 2 --rounds 1 --seconds 0.01 --in-flight 2";
    check(env!("CARGO_BIN_EXE_bench-passage"), &needs, args, &rows);
}

#[test]
fn tokens_are_measured_beside_oidc_provider() {
    let rows = [
        "rotations of refresh tokens",
        "first checks of access tokens",
        "later checks of the same",
        "1 at once",
        "one for each core",
    ];
    let args = "--families 4 --rounds 1 --seconds 0.01 --in-flight 2 --people 2";
    check(env!("CARGO_BIN_EXE_bench-tokens"), &["AIRLOCK_TEST_OIDC"], args, &rows);
}

#[test]
fn approvals_are_measured() {
    let rows = [
        "questions taken in a second, 2 at once",
        "decisions taken in a second, 2 at once, all of them waited for",
        "ms from a decision's request to the answer of who waits, one by one: median",
        "… 99 of 100",
        "the same while decisions come as fast as they are taken: median",
        "… 99 of 100",
        "MiB of the control plane, idle",
        "MiB with 6 open questions",
        "MiB while 6 wait",
    ];
    check(
        env!("CARGO_BIN_EXE_bench-approvals"),
        &[],
        "--waiters 6 --rounds 1 --single 3 --in-flight 2",
        &rows,
    );
}
