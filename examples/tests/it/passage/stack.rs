//! The real programs on loopback: a control plane, a worker, a database of the test's own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use airlock_client::transport::http_client;
use serde_json::{Value, json};

use super::program::program;
pub(crate) use super::program::{PATIENCE, Running, target};

pub(crate) const OPERATOR: &str = "operator-token-of-the-end-to-end-tests";

/// A control plane and whatever dials it.
pub(crate) struct Stack {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
    pub(crate) cp: Running,
    /// The store's URL, when it is not the SQLite file in `folder`.
    store: Option<String>,
    /// What else its environment says.
    more: Vec<(&'static str, String)>,
    /// Workers and the token of each, which stays in its environment as a deployment leaves it there.
    tokens: Mutex<BTreeMap<String, String>>,
}

impl Stack {
    /// On a port that the system chooses, with a SQLite store.
    pub(crate) fn start() -> Self {
        Self::start_on("127.0.0.1:0", None)
    }

    /// On an address and, when `store` is given, on that Postgres database.
    pub(crate) fn start_on(bind: &str, store: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cp, url) = control_plane(folder.path(), bind, store.as_deref(), &[]);
        Self { folder, url, cp, store, more: Vec::new(), tokens: Mutex::default() }
    }

    /// With some more of its environment said.
    pub(crate) fn with(more: &[(&'static str, String)]) -> Self {
        Self::within(tempfile::tempdir().unwrap(), more)
    }

    fn within(folder: tempfile::TempDir, more: &[(&'static str, String)]) -> Self {
        let (cp, url) = control_plane(folder.path(), "127.0.0.1:0", None, more);
        Self { folder, url, cp, store: None, more: more.to_vec(), tokens: Mutex::default() }
    }

    /// For people: everybody may sign up, and mails are files in `mail`.
    pub(crate) fn for_people() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mail = folder.path().join("mail");
        std::fs::create_dir(&mail).unwrap();
        let mail = format!("file://{}", mail.display());
        let more = [
            ("AIRLOCK_CP_SIGNUP", "open".to_owned()),
            ("AIRLOCK_CP_SMTP_URL", mail),
            ("AIRLOCK_CP_MAIL_FROM", "Airlock <airlock@example.com>".to_owned()),
        ];
        Self::within(folder, &more)
    }

    /// Makes a person who owns the organization `default`.
    pub(crate) fn owner(&self, email: &str, name: &str, password: &str) {
        let mut command = program("airlock-cp");
        place(&mut command, self.folder.path(), self.store.as_deref());
        command.args(["user", "create", email, "--name", name, "--owner", "--password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// The same control plane again, on the same port.
    pub(crate) fn restart(&mut self) {
        self.cp.kill();
        let bind = self.url.trim_start_matches("http://").to_owned();
        (self.cp, self.url) = control_plane(self.folder.path(), &bind, self.store.as_deref(), &self.more);
    }

    /// The same with another environment.
    pub(crate) fn restart_with(&mut self, more: &[(&'static str, String)]) {
        self.more = more.to_vec();
        self.restart();
    }

    /// Runs `airlock-cp` on the store; what it printed.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let mut command = program("airlock-cp");
        place(&mut command, self.folder.path(), self.store.as_deref());
        let out = command.args(args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Enrolls a worker for a policy and a database, and waits until its tunnel is up.
    pub(crate) fn worker(&self, tenant: &str, worker: &str, policy: &str, database: &str) -> Running {
        let running = self.start_worker(tenant, worker, policy, database);
        let up = format!("tunnel up: tenant={tenant} worker={worker} session=s_");
        if running.line("tunnel", |line| line.contains(&up)).is_none() {
            panic!("the worker ended:\n{}", running.said());
        }
        running
    }

    /// The same without waiting. A worker that was enrolled before keeps its key and policy.
    pub(crate) fn start_worker(&self, tenant: &str, worker: &str, policy: &str, database: &str) -> Running {
        let folder = self.folder.path().join(worker);
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("airlock.yaml");
        let mut command = program("airlock");
        let mut tokens = self.tokens.lock().unwrap();
        let token = tokens.entry(worker.to_owned()).or_insert_with(|| {
            std::fs::write(&config, policy).unwrap();
            self.cli(&["enrollment", "create", "--tenant", tenant, "--worker-id", worker])
        });
        command
            .env("AIRLOCK_ENROLLMENT_TOKEN", token)
            .env("AIRLOCK_CP_URL", &self.url)
            .env("DATABASE_URL", database)
            .env("AIRLOCK_CONFIG", &config)
            .env("AIRLOCK_DATA_DIR", data_dir(worker))
            .env("AIRLOCK_METRICS_ADDR", "127.0.0.1:0")
            .arg("run");
        Running::start(&mut command)
    }

    /// A key of the tenant.
    pub(crate) fn key(&self, tenant: &str, more: &[&str]) -> String {
        let args: Vec<&str> =
            ["api-key", "create", "--tenant", tenant, "--name", "e2e"].iter().chain(more).copied().collect();
        self.cli(&args)
    }

    /// A tenant's log as it is exported, checked against the key that `worker` pinned when it was enrolled.
    pub(crate) fn audit(&self, tenant: &str, worker: &str) -> String {
        let text = self.cli(&["audit", "export", "--tenant", tenant, "--format", "jsonl"]);
        let file = self.folder.path().join("audit.jsonl");
        std::fs::write(&file, &text).unwrap();
        let yaml = std::fs::read_to_string(self.folder.path().join(worker).join("airlock.yaml")).unwrap();
        let pinned = yaml.lines().find_map(|line| line.trim().strip_prefix("cp_public_key:")).unwrap();
        let key = pinned.trim().trim_matches(['"', '\'']);
        self.cli(&["audit", "verify", file.to_str().unwrap(), "--key", key]);
        text
    }

    /// Posts one message as the documented curl does.
    pub(crate) async fn post(&self, slug: &str, key: &str, message: &Value) -> (u16, Value) {
        let sent = http_client()
            .unwrap()
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
            assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}; it said:\n{}", self.cp.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for worker in self.tokens.lock().unwrap().keys() {
            let _ = std::fs::remove_dir_all(data_dir(worker));
        }
    }
}

/// Where a worker of this test process keeps its snapshots.
pub(crate) fn data_dir(worker: &str) -> PathBuf {
    PathBuf::from("/dev/shm").join(format!("airlock-it-{}-{worker}", std::process::id()))
}

fn place(command: &mut std::process::Command, folder: &Path, store: Option<&str>) {
    command.env("AIRLOCK_CP_DATA_DIR", folder.join("cp"));
    if let Some(url) = store {
        command.env("AIRLOCK_CP_DATABASE_URL", url);
    }
}

/// Tries again while something else has the port: a connection that was dialled from it, until it is closed.
fn control_plane(
    folder: &Path,
    bind: &str,
    store: Option<&str>,
    more: &[(&str, String)],
) -> (Running, String) {
    let begun = Instant::now();
    loop {
        let mut command = program("airlock-cp");
        place(&mut command, folder, store);
        command
            .env("AIRLOCK_CP_OPERATOR_TOKEN", OPERATOR)
            .env("AIRLOCK_CP_BIND", bind)
            .env("AIRLOCK_CP_METRICS_BIND", "off")
            .envs(more.iter().cloned())
            .arg("serve");
        let running = Running::start(&mut command);
        // Its one line on standard output; what it logs are JSON objects.
        if let Some(address) = running.line("address", |line| line.starts_with(|c: char| c.is_ascii_digit()))
        {
            return (running, format!("http://{address}"));
        }
        let said = running.said();
        assert!(
            said.contains("cannot listen") && begun.elapsed() < PATIENCE,
            "the control plane ended:\n{said}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}
