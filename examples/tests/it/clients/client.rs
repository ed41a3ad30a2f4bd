//! A client that is not ours, run as `examples/tests/clients/visits.py` says: a visit in, what its user saw out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::needs;

/// A start of LiteLLM imports for many seconds; nothing here waits this long when it works.
const PATIENCE: Duration = Duration::from_secs(180);

/// For clients whose person needs a browser.
pub(super) const CHROMIUM: &str = "AIRLOCK_TEST_CHROMIUM";

pub(super) struct Client {
    child: Child,
    visits: Option<ChildStdin>,
    seen: Receiver<String>,
}

impl Client {
    /// Starts `NAME_client.py` with the endpoints, by the Python that `.ci/python-env` made for it.
    #[expect(clippy::disallowed_methods, reason = "runs other people's clients as their users do")]
    pub(super) fn start(python: &str, name: &str, endpoints: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/clients/{name}_client.py"));
        let mut child = Command::new(python)
            .arg(script)
            .arg(endpoints.to_string())
            .env_clear()
            // No bytecode beside the scripts.
            .envs([("PATH", "/usr/bin:/bin"), ("PYTHONDONTWRITEBYTECODE", "1")])
            // A person at a browser is one for all of them.
            .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"))
            .envs(needs::optional(CHROMIUM).map(|chromium| (CHROMIUM, chromium)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (tell, seen) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let visits = child.stdin.take();
        Self { child, visits, seen }
    }

    /// The Python of a client, if it was made.
    pub(super) fn python(name: &str) -> Option<String> {
        needs::variable(&format!("AIRLOCK_TEST_PYTHON_{}", name.to_uppercase()))
    }

    /// What a user of the client sees who asks through this endpoint.
    pub(super) fn visit(&mut self, endpoint: &str, snapshot: &str, sql: &str) -> Value {
        self.ask(&json!({"endpoint": endpoint, "snapshot": snapshot, "sql": sql}))
    }

    /// What it says to a line.
    pub(super) fn ask(&mut self, line: &Value) -> Value {
        writeln!(self.visits.as_mut().unwrap(), "{line}").unwrap();
        let seen = self.seen.recv_timeout(PATIENCE).expect("the client answers");
        serde_json::from_str(&seen).unwrap()
    }
}

impl Drop for Client {
    /// Its input ends, so it ends what it started itself; only then it is made to end.
    fn drop(&mut self) {
        drop(self.visits.take());
        while self.seen.recv_timeout(Duration::from_secs(20)).is_ok() {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
