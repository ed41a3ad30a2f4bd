//! Control plane and worker as shipped, saying all they can, with a wire between them that is listened to.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::wire::Wire;
use crate::passage::program::program;

pub(super) const OPERATOR: &str = "operator-token-of-the-canary-test-0123456789";

/// As often as the log is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long a program may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Programs {
    pub(super) folder: tempfile::TempDir,
    pub(super) snapshots: PathBuf,
    pub(super) wire: Wire,
    /// Where agents ask.
    pub(super) url: String,
    /// Pages of numbers: the control plane's, the worker's.
    pub(super) metrics: [SocketAddr; 2],
    control_plane: Child,
    pub(super) worker: Child,
    environment: Vec<(&'static str, String)>,
}

impl Programs {
    /// Starts both, with a tenant `acme`.
    pub(super) async fn start(policy: &str, database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let metrics = [free(), free()];
        // Workers dial what the control plane says of itself at enrollment.
        let address = free();
        let wire = Wire::to(address);
        let mut control_plane = program("airlock-cp")
            .env("AIRLOCK_CP_OPERATOR_TOKEN", OPERATOR)
            .env("AIRLOCK_CP_BIND", address.to_string())
            .env("AIRLOCK_CP_PUBLIC_URL", format!("http://{}", wire.address))
            .env("AIRLOCK_CP_METRICS_BIND", metrics[0].to_string())
            .env("AIRLOCK_CP_DATA_DIR", at("store"))
            .env("AIRLOCK_CP_LOG", "trace")
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(File::create(at("cp.log")).unwrap())
            .spawn()
            .unwrap();
        let mut listening = String::new();
        BufReader::new(control_plane.stdout.take().unwrap()).read_line(&mut listening).unwrap();
        assert_eq!(listening.trim(), address.to_string());

        let config = at("airlock.yaml");
        std::fs::write(&config, policy).unwrap();
        let snapshots = PathBuf::from("/dev/shm").join(format!("airlock-canary-{}", std::process::id()));
        let environment = vec![
            ("DATABASE_URL", database.to_owned()),
            ("AIRLOCK_CONFIG", config.display().to_string()),
            ("AIRLOCK_DATA_DIR", snapshots.display().to_string()),
            ("AIRLOCK_METRICS_ADDR", metrics[1].to_string()),
            ("AIRLOCK_LOG", "trace".to_owned()),
        ];
        let admin = |args: &[&str]| admin(folder.path(), args);
        admin(&["tenant", "create", "acme"]);
        let token = admin(&["enrollment", "create", "--tenant", "t_acme", "--worker-id", "w_acme_canary"]);
        let worker = program("airlock")
            .envs(environment.clone())
            .env("AIRLOCK_ENROLLMENT_TOKEN", token)
            .env("AIRLOCK_CP_URL", format!("http://{}", wire.address))
            .arg("run")
            .stdout(Stdio::null())
            .stderr(File::create(at("worker.log")).unwrap())
            .spawn()
            .unwrap();
        let url = format!("http://{address}/mcp/acme");
        let this = Self { snapshots, wire, url, metrics, control_plane, worker, environment, folder };
        this.until_up().await;
        this
    }

    async fn until_up(&self) {
        let begun = std::time::Instant::now();
        while !self.log("worker.log").contains("tunnel up: tenant=t_acme") {
            assert!(begun.elapsed() < PATIENCE, "the worker has no tunnel:\n{}", self.log("worker.log"));
            tokio::time::sleep(TICK).await;
        }
    }

    pub(super) fn log(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join(name)).unwrap()).into_owned()
    }

    /// `airlock-cp` on the store; what it printed.
    pub(super) fn admin(&self, args: &[&str]) -> String {
        admin(self.folder.path(), args)
    }

    /// `airlock` beside the worker: all that it said, whether it went well or not.
    pub(super) fn airlock(&self, args: &[&str]) -> Vec<u8> {
        let out = program("airlock").envs(self.environment.clone()).args(args).output().unwrap();
        [out.stdout, out.stderr].concat()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for program in [&mut self.worker, &mut self.control_plane] {
            let _ = program.kill();
            let _ = program.wait();
        }
        let _ = std::fs::remove_dir_all(&self.snapshots);
    }
}

fn admin(folder: &Path, args: &[&str]) -> String {
    let out =
        program("airlock-cp").env("AIRLOCK_CP_DATA_DIR", folder.join("store")).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
