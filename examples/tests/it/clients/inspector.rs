//! The MCP Inspector's command line, in both eras.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::client::{CHROMIUM, Client};
use super::oauth::{EMAIL, PASSWORD};
use crate::needs;
use crate::passage::database::{Database, POLICY};
use crate::passage::stack::Stack;

/// Its exit code for an endpoint that wants a credential.
const AUTH_REQUIRED: i32 = 3;

struct Inspector {
    /// Where `.ci/node-env` put Node and the Inspector.
    programs: PathBuf,
    home: tempfile::TempDir,
}

impl Inspector {
    #[expect(clippy::disallowed_methods, reason = "runs other people's clients as their users do")]
    fn command(&self, args: &[&str]) -> Command {
        let bin = self.programs.join("node_modules/.bin");
        let mut command = Command::new(bin.join("node"));
        command
            .arg(bin.join("mcp-inspector"))
            .arg("--cli")
            .args(args)
            .env_clear()
            .envs([("PATH", Path::new("/usr/bin:/bin")), ("HOME", self.home.path())])
            .env("MCP_INSPECTOR_SECRET_STORE", "file")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A run in which a person is asked: they open the address that it shows, sign in and allow it. What it printed, and
    /// what they read.
    fn run_with_a_person(&self, args: &[&str], python: &str) -> (Value, String) {
        let mut child = self
            .command(args)
            .env("MCP_AUTO_OPEN_ENABLED", "true")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut said, mut address) = (String::new(), None);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for line in lines.by_ref().map_while(Result::ok) {
            said += &format!("  {line}\n");
            address = line
                .find("http")
                .map(|at| line[at..].trim().to_owned())
                .filter(|a| a.contains("/authorize?"));
            if address.is_some() {
                break;
            }
        }
        let address = address.unwrap_or_else(|| panic!("nobody is asked:\n{said}"));
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let read = person(python, &address);
        let mut printed = String::new();
        child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        assert!(child.wait().unwrap().success(), "{printed}");
        (serde_json::from_str(&printed).unwrap(), read)
    }

    /// What it prints about an endpoint of its configuration.
    fn ask(&self, config: &Path, args: &[&str]) -> Value {
        let place = ["--config", config.to_str().unwrap(), "--server", "airlock", "--format", "json"];
        let out = self.run(&[&place, args].concat());
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }
}

/// The access token in a folder, wherever it is kept there.
fn access_token(folder: &Path) -> Option<String> {
    std::fs::read_dir(folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return access_token(&path);
        }
        let text = std::fs::read_to_string(path).ok()?;
        let at = text.find("\"at_")? + 1;
        text[at..].split('"').next().map(str::to_owned)
    })
}

/// Ada at her browser.
#[expect(clippy::disallowed_methods, reason = "runs the script that drives Chromium")]
fn person(python: &str, address: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/person.py");
    let out = Command::new(python).arg(script).args([address, EMAIL, PASSWORD]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let seen: Value = serde_json::from_slice(&out.stdout).unwrap();
    seen["read"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_lets_the_inspector_in_and_it_gives_back_what_it_was_given() {
    let Some(programs) = needs::variable("AIRLOCK_TEST_NODE") else { return };
    let (Some(_), Some(python)) = (needs::variable(CHROMIUM), Client::python("browser")) else { return };
    let Some(database) = Database::new().await else { return };
    let inspector = Inspector { programs: programs.into(), home: tempfile::tempdir().unwrap() };
    let stack = Stack::for_people();
    stack.cli(&["tenant", "create", "acme"]);
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    stack.cli(&["grant", "set", "--tenant", "t_acme", "--role", "owner", "--snapshots", "all"]);
    let _worker = stack.worker("t_acme", "w_acme_inspector_oauth", POLICY, &database.reader_url());

    let url = format!("{}/mcp/acme", stack.url);
    let list = [&url, "--transport", "http", "--format", "json", "--method", "tools/list"];
    let callback = ["--callback-url", "http://[::1]:0/oauth/callback"];
    let (listed, read) = inspector.run_with_a_person(&[&list[..], &callback].concat(), &python);
    assert!(listed.to_string().contains("null_rates"), "{listed}");
    assert!(read.contains("Inspector") && read.contains("[::1]") && read.contains(EMAIL), "{read}");

    // It keeps what it was given, and nobody is asked again.
    let stored = [&list[..], &["--stored-auth-only"]].concat();
    let again = inspector.run(&stored);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));

    // Signing in anew, it first gives the old grant back.
    let old = access_token(inspector.home.path()).expect("it keeps a token");
    let anew = [&list[..], &callback, &["--relogin"]].concat();
    let (listed, _) = inspector.run_with_a_person(&anew, &python);
    assert!(listed.to_string().contains("null_rates"), "{listed}");
    let (status, _) =
        stack.post("acme", &old, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    assert_eq!(status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_lists_strictly_and_asks_in_both_eras() {
    let Some(programs) = needs::variable("AIRLOCK_TEST_NODE") else { return };
    let Some(database) = Database::new().await else { return };
    let inspector = Inspector { programs: programs.into(), home: tempfile::tempdir().unwrap() };
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let _worker = stack.worker("t_acme", "w_acme_inspector", POLICY, &database.reader_url());
    let key = stack.key("t_acme", &[]);
    let url = format!("{}/mcp/acme", stack.url);

    for era in ["legacy", "modern"] {
        let config = inspector.home.path().join(format!("{era}.json"));
        let headers = json!({"Authorization": format!("Bearer {key}")});
        let server = json!({"type": "http", "url": url, "headers": headers, "protocolEra": era});
        std::fs::write(&config, json!({"mcpServers": {"airlock": server}}).to_string()).unwrap();

        let list = inspector.ask(&config, &["--method", "tools/list", "--strict"]);
        assert!(list.to_string().contains("null_rates"), "{era}: {list}");
        let arguments = json!({"snapshot_id": "u_1", "sql": "SELECT sum(amount) FROM orders"}).to_string();
        let call = ["--method", "tools/call", "--tool-name", "execute_sql", "--tool-args-json", &arguments];
        let answer = inspector.ask(&config, &call);
        assert!(answer.to_string().contains(r#""rows":[["16.49"]]"#), "{era}: {answer}");
    }
    let out = inspector.run(&[&url, "--transport", "http", "--stored-auth-only", "--method", "tools/list"]);
    assert_eq!(out.status.code(), Some(AUTH_REQUIRED), "{}", String::from_utf8_lossy(&out.stderr));
}
