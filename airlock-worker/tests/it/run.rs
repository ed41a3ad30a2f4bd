//! `airlock run` without a control plane to be had: it says so, tells its health, and stops when asked.

use std::process::Stdio;

use airlock_core::crypto::PrivateKey;
use airlock_core::runtime::SystemHost;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::cli::Place;

const SECRET: &str = "s3cret-in-the-environment";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_without_its_control_plane_waits_healthy_and_not_ready() {
    let place = Place::new().await;
    let key = PrivateKey::generate(&SystemHost::new());
    let yaml = format!(
        "schema: main\nroot_table: users\nroot_filter_col: external_id\nstorage: {{allow_disk: true}}\ntables:\n  - {{name: users, mask_columns: {{email: hash, full_name: redact, ssn: null}}}}\n\
         control_plane: {{url: 'http://127.0.0.1:1', tenant_id: t_acme, worker_id: w_acme_prod, cp_public_key: '{}'}}\n",
        key.public().to_base64()
    );
    std::fs::write(place.path().join("airlock.yaml"), yaml).unwrap();
    let keys = place.path().join(".airlock");
    std::fs::DirBuilder::new().create(&keys).unwrap();
    for (path, mode) in [(keys.clone(), 0o700), (keys.join("worker_ed25519.pem"), 0o600)] {
        if mode == 0o600 {
            std::fs::write(&path, &*key.to_pem()).unwrap();
        }
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let data = place.path().join("data");
    let mut worker = tokio::process::Command::new(env!("CARGO_BIN_EXE_airlock"))
        .arg("run")
        .env_clear()
        .env("DATABASE_URL", place.database_url())
        .env("AIRLOCK_DATA_DIR", &data)
        .env("AIRLOCK_METRICS_ADDR", "127.0.0.1:0")
        .env("AIRLOCK_CANARY", SECRET)
        .current_dir(place.path())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = worker.id().unwrap();
    let mut lines = BufReader::new(worker.stderr.take().unwrap()).lines();
    let mut log = Vec::new();
    let address = loop {
        let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended early: {log:#?}"));
        log.push(line.clone());
        if let Some(rest) = line.strip_prefix("INFO: metrics listening on ") {
            break format!("http://{}", rest.strip_suffix("/metrics").unwrap());
        }
    };
    assert!(
        log.iter().any(|l| l.starts_with("INFO: policy ") && l.contains("masked 3/5 columns")),
        "{log:#?}"
    );
    assert!(log.iter().any(|l| l.contains("query children")), "{log:#?}");

    // Where another crate of the build has reqwest speak TLS, it wants to know with what, although nothing here does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let status = async |path: &str| reqwest::get(format!("{address}{path}")).await.unwrap().status().as_u16();
    assert_eq!(status("/healthz").await, 200);
    assert_eq!(status("/readyz").await, 503);
    let metrics = reqwest::get(format!("{address}/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("airlock_tunnel_up 0") && metrics.contains("airlock_build_info"), "{metrics}");

    // I3: no child has the environment. Children of a process are listed by its threads.
    let mut children = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let list = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        for child in list.split_whitespace() {
            children += 1;
            // Not dumpable: only root may look at all.
            let environ = std::fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
            assert_eq!(environ, b"");
        }
    }
    assert!(children > 0);

    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        log.push(line);
    }
    assert_eq!(worker.wait().await.unwrap().code(), Some(0), "{log:#?}");
    assert!(!log.join("\n").contains(SECRET));
    let left: Vec<_> = std::fs::read_dir(&data).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"]);
}
