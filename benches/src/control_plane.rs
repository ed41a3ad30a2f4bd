//! A control plane and the workers that dial it, as processes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Result;
use crate::program::{Running, program, program_path};

const OPERATOR: &str = "operator-token-of-the-benches-0123456789";

/// A control plane over SQLite in a folder of its own.
#[derive(Debug)]
pub struct ControlPlane {
    /// Where it listens.
    pub url: String,
    running: Running,
    folder: TempDir,
    workers: Vec<PathBuf>,
}

impl ControlPlane {
    /// Starts it, with more of its environment said.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(more: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = cp(folder.path())?;
        command.env("AIRLOCK_CP_OPERATOR_TOKEN", OPERATOR).env("AIRLOCK_CP_BIND", "127.0.0.1:0");
        command.env("AIRLOCK_CP_METRICS_BIND", "off").env("AIRLOCK_CP_LOG", "warn");
        command.envs(more.iter().copied()).arg("serve");
        let mut running = Running::start(&mut command, folder.path().join("cp.log"))?;
        // Its one line on standard output.
        let address = running.line(|line| line.starts_with(|c: char| c.is_ascii_digit()))?;
        Ok(Self { url: format!("http://{address}"), running, folder, workers: Vec::new() })
    }
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }
    /// A folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `airlock-cp` on its store; what it printed.
    ///
    /// # Errors
    /// With what it said, when it failed.
    pub fn cli(&self, args: &[&str]) -> Result<String> {
        self.cli_with(args, "")
    }

    /// The same with something on its standard input.
    ///
    /// # Errors
    /// With what it said, when it failed.
    pub fn cli_with(&self, args: &[&str], input: &str) -> Result<String> {
        let mut command = cp(self.folder.path())?;
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let out = child.wait_with_output()?;
        if !out.status.success() {
            return Err(format!("{args:?}: {}", String::from_utf8_lossy(&out.stderr)).into());
        }
        Ok(String::from_utf8(out.stdout)?.trim().to_owned())
    }

    /// Makes a tenant with a worker for a policy and a database, and waits until its tunnel is up.
    ///
    /// # Errors
    /// When either does not come about.
    pub fn worker(&mut self, slug: &str, policy: &str, database: &str) -> Result<Running> {
        let tenant = self.cli(&["tenant", "create", slug])?;
        let worker = format!("w_{slug}");
        let token = self.cli(&["enrollment", "create", "--tenant", &tenant, "--worker-id", &worker])?;
        let folder = self.folder.path().join(&worker);
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("airlock.yaml");
        std::fs::write(&config, policy)?;
        let data = PathBuf::from("/dev/shm").join(format!("airlock-bench-{}-{worker}", std::process::id()));
        let mut command = program(&program_path("airlock")?);
        command
            .env("AIRLOCK_ENROLLMENT_TOKEN", token)
            .env("AIRLOCK_CP_URL", &self.url)
            .env("DATABASE_URL", database)
            .env("AIRLOCK_CONFIG", &config)
            .env("AIRLOCK_DATA_DIR", &data)
            .env("AIRLOCK_METRICS_ADDR", "127.0.0.1:0")
            .arg("run");
        self.workers.push(data);
        let mut running = Running::start(&mut command, folder.join("worker.log"))?;
        running.line(|line| line.contains("tunnel up: "))?;
        Ok(running)
    }

    /// A key of a tenant for these snapshots, or `all`, with no limit of its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn key(&self, slug: &str, snapshots: &str) -> Result<String> {
        let tenant = format!("t_{slug}");
        let reach = ["--snapshots", snapshots, "--rate", "0"];
        self.cli(&[["api-key", "create", "--tenant", &tenant, "--name", "bench"].as_slice(), &reach].concat())
    }

    /// Makes a person who owns the organization `default`.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn owner(&self, email: &str, password: &str) -> Result<()> {
        self.cli_with(&["user", "create", email, "--owner", "--password-stdin"], password).map(|_| ())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for folder in &self.workers {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn cp(folder: &Path) -> Result<Command> {
    let mut command = program(&program_path("airlock-cp")?);
    command.env("AIRLOCK_CP_DATA_DIR", folder.join("cp"));
    Ok(command)
}
