//! The MCP Inspector's command line, in both eras.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

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
    fn run(&self, args: &[&str]) -> Output {
        let bin = self.programs.join("node_modules/.bin");
        Command::new(bin.join("node"))
            .arg(bin.join("mcp-inspector"))
            .arg("--cli")
            .args(args)
            .env_clear()
            .envs([("PATH", Path::new("/usr/bin:/bin")), ("HOME", self.home.path())])
            .env("MCP_INSPECTOR_SECRET_STORE", "memory")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What it prints about an endpoint of its configuration.
    fn ask(&self, config: &Path, args: &[&str]) -> Value {
        let place = ["--config", config.to_str().unwrap(), "--server", "airlock", "--format", "json"];
        let out = self.run(&[&place, args].concat());
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }
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
