//! A contestant that is a program of another language: it is told what to do in lines of JSON, and answers in them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Result;

/// One of the programs in `peers/`.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts `peers/<script>` with this interpreter. What it complains of goes to where this program complains.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(interpreter: &Path, script: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
        let mut command = Command::new(interpreter);
        command.arg(script).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.envs(environment.iter().copied()).kill_on_drop(true);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("{}: {error}", interpreter.display()))?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let (to, from) = (to.ok_or("no way to it")?, from.ok_or("no way from it")?);
        Ok(Self { child, to, from: BufReader::new(from).lines() })
    }
    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Tells it one thing, and waits for its answer.
    ///
    /// # Errors
    /// When it ended, or answered with something else than JSON.
    pub async fn ask(&mut self, what: &Value) -> Result<Value> {
        self.to.write_all(format!("{what}\n").as_bytes()).await?;
        let line = self.from.next_line().await?.ok_or("the peer ended")?;
        Ok(serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?)
    }
}
