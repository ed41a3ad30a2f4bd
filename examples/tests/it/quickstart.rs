//! The README's ten minutes, line by line as they are printed, on the quickstart's database. Only what is the reader's
//! own is put in: addresses, folders, the role's name.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::passage::database::Database;
use crate::passage::stack::target;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The shell blocks of one of a page's chapters.
fn blocks(page: &str, chapter: &str) -> Vec<String> {
    let page = text(page);
    let from = page.split(&format!("\n## {chapter}\n")).nth(1).expect("the chapter");
    let chapter = from.split("\n## ").next().unwrap_or(from);
    chapter.split("```sh\n").skip(1).filter_map(|b| b.split("```").next()).map(str::to_owned).collect()
}

/// What a reader would put in for what is theirs; each must stand there.
fn put(script: &mut String, printed: &str, theirs: &str) {
    assert!(script.contains(printed), "the page no longer says {printed}");
    *script = script.replace(printed, theirs);
}

#[expect(clippy::disallowed_methods, reason = "runs the README's lines as a reader would")]
fn bash(script: &str, folder: &Path, path: &str, stdin: &str) -> (bool, String) {
    let mut command = Command::new("timeout");
    // Without a terminal psql asks for the password on standard input.
    command.args(["--kill-after=5", "300", "setsid", "--wait", "bash", "-euo", "pipefail", "-c", script]);
    command.current_dir(folder).env_clear().env("PATH", path).env("HOME", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever does not ask leaves the pipe closed.
    let _ = child.stdin.take().map(|mut s| s.write_all(stdin.as_bytes()));
    let out = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    (out.status.success(), said)
}

/// The reader waits for what a line starts before going on.
const UNTIL: &str = "until_it() { for _ in {1..600}; do \"$@\" >/dev/null 2>&1 && return; sleep 0.1; done; echo \"never: $*\"; exit 1; }
connected() { airlock-cp worker list --tenant t_acme 2>/dev/null | grep -q connected; }
trap 'jobs -p | xargs -r kill 2>/dev/null; wait' EXIT\n";

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the programs of this machine are found by PATH")]
async fn the_readmes_ten_minutes_hold() {
    let Some(database) = Database::filled(&text("examples/quickstart/seed.sql")).await else { return };
    let path = format!(
        "{}:{}:{}",
        target().display(),
        std::env::var("AIRLOCK_TEST_POSTGRES_BIN").unwrap_or_default(),
        std::env::var("PATH").unwrap_or_default()
    );
    let folder = tempfile::tempdir().unwrap();
    if !bash("command -v psql curl setsid", folder.path(), &path, "").0 {
        println!("skipped: needs psql, curl and setsid");
        return;
    }
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, other) = (free(), free());
    let [port, metrics] = [&one, &other].map(|l| l.local_addr().unwrap().port());
    drop((one, other));
    let here = format!("http://127.0.0.1:{port}");
    let role = database.role("readme");
    let shm = format!("/dev/shm/airlock-readme-{}", std::process::id());

    let blocks = blocks("README.md", "Ten minutes with your own Postgres");
    assert_eq!(blocks.len(), 6, "build, control plane, policy, role, worker, question");
    let mut script = UNTIL.to_owned();
    script += &format!(
        "export AIRLOCK_CP_BIND=127.0.0.1:{port} AIRLOCK_CP_METRICS_BIND=127.0.0.1:{metrics} AIRLOCK_METRICS_ADDR=127.0.0.1:0 AIRLOCK_DATA_DIR={shm}\n"
    );
    let then = ["", "until_it curl -sf http://127.0.0.1:8080/readyz\n", "", "", "until_it connected\n", ""];
    for (block, then) in blocks.iter().zip(then) {
        script += block;
        script += then;
    }
    script += &format!("curl -s http://127.0.0.1:{metrics}/metrics | grep mcp_requests\n");
    put(&mut script, "cargo build --release --workspace --bins\n", "");
    put(&mut script, "$PWD/target/release", &target().display().to_string());
    put(&mut script, "postgres://you@localhost/shop", &database.owner_url());
    let reader = database.url_of(&role, "THAT_PASSWORD");
    put(&mut script, "postgres://airlock_reader:THAT_PASSWORD@localhost/shop", &reader);
    put(&mut script, "airlock init --print-grants", &format!("airlock init --print-grants --role {role}"));
    put(&mut script, "http://127.0.0.1:8080", &here);

    let (well, said) = bash(&script, folder.path(), &path, "THAT_PASSWORD\nTHAT_PASSWORD\n");
    let log = std::fs::read_to_string(folder.path().join("cp.log")).unwrap_or_default();
    assert!(well, "{said}\n{log}");
    for wanted in [
        "INFO: wrote airlock.yaml",
        "airlock.yaml: errors 0, warnings 0",
        "tunnel up: tenant=t_acme worker=w_acme_dev session=s_",
        "\"name\":\"get_schema\"",
        "\"row_count\":1",
        "mcp.tools.call",
        "airlock_cp_mcp_requests_total{tenant=\"t_acme\",tool=\"execute_sql\",outcome=\"ok\"} 1",
    ] {
        assert!(said.contains(wanted), "{wanted} is missing:\n{said}");
    }
    let leaked = ["Alice", "901820", "argon2id", "Bob", "WARN", "ERROR"];
    assert!(!leaked.iter().any(|l| said.contains(l)), "{said}");

    // The policy beside it is what a reader may make of it.
    let quickstart = root().join("examples/quickstart/airlock.yaml");
    let look = format!(
        "export DATABASE_URL={reader}\ncp {} tight.yaml\nairlock yaml lint --deny-warnings --config tight.yaml\n\
         airlock yaml preview --config tight.yaml --subject alice@example.net",
        quickstart.display()
    );
    let (well, said) = bash(&look, folder.path(), &path, "");
    assert!(well, "{said}");
    assert!(said.contains("products: 3 rows") && said.contains("countries: 3 rows"), "by both ways:\n{said}");
    assert!(!leaked.iter().any(|l| said.contains(l)), "{said}");
    let _ = std::fs::remove_dir_all(shm);
}

/// The page's ten minutes, with one person at both terminals.
#[test]
#[expect(clippy::disallowed_methods, reason = "the programs of this machine are found by PATH")]
fn the_first_approved_command_takes_what_the_page_says() {
    let target = target();
    let path = format!(
        "{}:{}:{}",
        target.display(),
        target.join("examples").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let folder = tempfile::tempdir().unwrap();
    if !bash("command -v curl setsid", folder.path(), &path, "").0 {
        println!("skipped: needs curl and setsid");
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let blocks = blocks("docs/approvals.md", "Ten minutes to the first approved command");
    assert_eq!(blocks.len(), 6, "build, gateway, person, question, answer, Python");
    let [build, gateway, person, question, answer, python] = [0, 1, 2, 3, 4, 5].map(|n| blocks[n].as_str());
    let mut script = UNTIL.to_owned();
    script += &format!("export AIRLOCK_CP_BIND=127.0.0.1:{port} AIRLOCK_CP_METRICS_BIND=off\n");
    script += "export AIRLOCK_APPROVER_STATE=$PWD/approver\n";
    script += build;
    script += gateway;
    script += "until_it curl -sf http://127.0.0.1:8080/readyz\n";
    script += person;
    script += &format!("( {question}) >asked 2>&1 &\n");
    script += "until_it grep -q 'Type this code' asked\nCODE=$(sed -n 's/.*approver: //p' asked)\n";
    script += answer;
    script += "until_it grep -q 'Approved: at the terminal' asked\nuntil_it test ! -e build\ncat asked\n";
    put(&mut script, "cargo build --release --workspace --bins --examples\n", "");
    put(&mut script, "export PATH=\"$PWD/target/release:$PWD/target/release/examples:$PATH\"\n", "");
    put(&mut script, "airlock-approve pair A3K9X2 ", "echo y | airlock-approve pair $CODE ");
    let once = "until_it grep -q Asked. asked\nprintf 'y\\nat the terminal\\n' | airlock-approve 2>&1 ";
    put(&mut script, "airlock-approve                #", &format!("{once}#"));
    if let Some(own) = crate::needs::variable("AIRLOCK_TEST_PYTHON_OURS") {
        let mut python = format!("( {python}) >py 2>&1 &\n");
        put(&mut python, "make python\n", "");
        let install =
            "python3 -m venv env && env/bin/pip install --quiet target/wheels/airlock_gateway-*.whl\n";
        put(&mut python, install, "export PYTHONUNBUFFERED=1\n");
        put(&mut python, "env/bin/python", &own);
        put(&mut python, "examples/python/", &format!("{}/", root().join("examples/python").display()));
        script += &python;
        script += "until_it grep -q 'Enter this code' py\nCODE=$(sed -n 's/.*approver: //p' py)\n";
        script += "echo y | terminal_approver pair $CODE\nuntil_it grep -q Paired. py\n";
        script += "until_it eval 'echo y | terminal_approver --once | tee last; grep -q sent last'\n";
        script += "until_it grep -q '^done$' py\ncat py\n";
    }
    put(&mut script, "http://127.0.0.1:8080", &format!("http://127.0.0.1:{port}"));
    let (well, said) = bash(&script, folder.path(), &path, "");
    let log = std::fs::read_to_string(folder.path().join("cp.log")).unwrap_or_default();
    assert!(well, "{said}\n{log}");
    for wanted in ["command: rm -r build", "what is shown: verified", "Approved: at the terminal"] {
        assert!(said.contains(wanted), "{wanted} is missing:\n{said}\n{log}");
    }
}
