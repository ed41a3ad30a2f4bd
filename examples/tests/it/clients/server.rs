//! A Postgres server of a test's own, which may stop when the test says so.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::needs;

pub(super) struct Server {
    home: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
}

impl Server {
    /// A running server that trusts everyone on loopback. `None` without its programs.
    pub(super) fn start() -> Option<Self> {
        let bin = PathBuf::from(needs::variable("AIRLOCK_TEST_POSTGRES_BIN")?);
        let home = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let this = Self { home, bin, port: free.port() };
        if this.is_root() {
            run(command("chown").arg("postgres").arg(this.home.path()));
        }
        let init = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"];
        run(this.tool("initdb").args(init).arg(this.data()));
        this.resume();
        Some(this)
    }

    /// Starts it again, on the same port.
    pub(super) fn resume(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            self.port,
            self.home.path().display()
        );
        let log = self.home.path().join("log");
        run(self
            .tool("pg_ctl")
            .args(["start", "-w", "-o", &options, "-l"])
            .arg(log)
            .arg("-D")
            .arg(self.data()));
    }

    /// Stops it: whoever is connected is thrown out.
    pub(super) fn stop(&self) {
        run(self.tool("pg_ctl").args(["stop", "-w", "-m", "fast", "-D"]).arg(self.data()));
    }

    /// As its superuser.
    pub(super) fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").dbname("postgres");
        config
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn is_root(&self) -> bool {
        Path::new("/proc/self").metadata().is_ok_and(|me| me.uid() == 0)
    }

    /// Postgres refuses to run as root, so root lends it to another user.
    fn tool(&self, name: &str) -> Command {
        let tool = self.bin.join(name);
        let mut command = if self.is_root() {
            let mut lent = command("runuser");
            lent.args(["-u", "postgres", "--"]).arg(tool);
            lent
        } else {
            command(tool)
        };
        command.current_dir(self.home.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.tool("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.data()).stderr(Stdio::null()).status();
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests run the server's programs")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{command:?}: {status:?}");
}
