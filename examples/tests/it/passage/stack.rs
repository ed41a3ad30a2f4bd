//! The real programs on loopback: a control plane, a worker, a database of the test's own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const OPERATOR: &str = "operator-token-of-the-end-to-end-tests";
const PATIENCE: Duration = Duration::from_secs(30);

/// Where this build's programs are.
pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "the tests run the programs themselves")]
fn program(name: &str) -> Command {
    let mut command = Command::new(target().join(name));
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A program that ends with the test.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A control plane and whatever dials it.
pub(crate) struct Stack {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
    pub(crate) cp: Running,
}

impl Stack {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A port of its own from the start: workers are told it at enrollment.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (cp, url) = control_plane(folder.path(), &free.to_string());
        Self { folder, url, cp }
    }

    /// The same control plane again, on the same port.
    pub(crate) fn restart(&mut self) {
        self.cp.kill();
        let bind = self.url.trim_start_matches("http://").to_owned();
        (self.cp, self.url) = control_plane(self.folder.path(), &bind);
    }

    /// Runs `airlock-cp` on the store; what it printed.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let out = program("airlock-cp")
            .env("AIRLOCK_CP_DATA_DIR", self.folder.path().join("cp"))
            .args(args)
            .output()
            .unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Enrolls a worker for a policy and a database, and waits until its tunnel is up.
    pub(crate) fn worker(&self, tenant: &str, worker: &str, policy: &str, database: &str) -> Running {
        let folder = self.folder.path().join(worker);
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("airlock.yaml");
        let mut command = program("airlock");
        if !config.exists() {
            std::fs::write(&config, policy).unwrap();
            let token = self.cli(&["enrollment", "create", "--tenant", tenant, "--worker-id", worker]);
            command.env("AIRLOCK_ENROLLMENT_TOKEN", token).env("AIRLOCK_CP_URL", &self.url);
        }
        let shm = PathBuf::from("/dev/shm").join(format!("airlock-it-{}-{worker}", std::process::id()));
        command
            .env("DATABASE_URL", database)
            .env("AIRLOCK_CONFIG", &config)
            .env("AIRLOCK_DATA_DIR", &shm)
            .env("AIRLOCK_METRICS_ADDR", "127.0.0.1:0")
            .arg("run")
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let up = lines.by_ref().map_while(Result::ok).any(|line| {
            said.push_str(&line);
            said.push('\n');
            line.contains(&format!("tunnel up: tenant={tenant} worker={worker} session=s_"))
        });
        assert!(up, "the worker ended:\n{said}");
        // Read on, so that the worker never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Running(child)
    }

    /// A key of the tenant.
    pub(crate) fn key(&self, tenant: &str, more: &[&str]) -> String {
        let args: Vec<&str> =
            ["api-key", "create", "--tenant", tenant, "--name", "e2e"].iter().chain(more).copied().collect();
        self.cli(&args)
    }

    /// Posts one message as the documented curl does.
    pub(crate) async fn post(&self, slug: &str, key: &str, message: &Value) -> (u16, Value) {
        let sent = reqwest::Client::new()
            .post(format!("{}/mcp/{slug}", self.url))
            .bearer_auth(key)
            .json(message)
            .send();
        let answer = sent.await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Runs a statement; the whole answer.
    pub(crate) async fn sql(&self, slug: &str, key: &str, subject: &str, sql: &str) -> Value {
        let arguments = json!({"snapshot_id": subject, "sql": sql});
        let params = json!({"name": "execute_sql", "arguments": arguments});
        self.post(slug, key, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
            .await
            .1
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, wanted: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !wanted().await {
            assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn control_plane(folder: &Path, bind: &str) -> (Running, String) {
    let mut child = program("airlock-cp")
        .env("AIRLOCK_CP_OPERATOR_TOKEN", OPERATOR)
        .env("AIRLOCK_CP_BIND", bind)
        .env("AIRLOCK_CP_METRICS_BIND", "off")
        .env("AIRLOCK_CP_DATA_DIR", folder.join("cp"))
        .arg("serve")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    assert!(!address.is_empty(), "the control plane ended");
    (Running(child), format!("http://{}", address.trim()))
}
