//! The binary's commands: what they print, write and exit with.

use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use airlock_core::crypto::PrivateKey;
use airlock_core::runtime::SystemHost;
use airlock_core::time::Timestamp;
use airlock_proto::enroll::{EnrollError, EnrollRequest, EnrollResponse, PATH, ProvenRequest};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use sqlx::{Connection as _, Executor as _};

const CANARIES: [&str; 3] = ["alice@example.com", "Alice Archer", "123-45-6789"];

/// A directory with a sample database, and `airlock` run in it.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) async fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let url = format!("sqlite://{}?mode=rwc", place.path().join("sample.db").display());
        let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let schema = "CREATE TABLE users (id INTEGER PRIMARY KEY, external_id TEXT UNIQUE NOT NULL, email TEXT, full_name TEXT, ssn TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id), note TEXT);
            INSERT INTO users VALUES (1, 'u_42', 'alice@example.com', 'Alice Archer', '123-45-6789');
            INSERT INTO orders VALUES (1, 1, 'write to alice@example.com'), (2, 1, 'nothing');";
        db.execute(schema).await.unwrap();
        db.close().await.unwrap();
        place
    }
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
    pub(crate) fn database_url(&self) -> String {
        format!("sqlite://{}", self.path().join("sample.db").display())
    }
    /// Runs a command with these variables and no others.
    pub(crate) async fn run(&self, line: &str, variables: &[(&str, &str)]) -> Output {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_airlock"))
            .args(line.split(' '))
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(self.path())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap()
    }
    async fn run_with_database(&self, line: &str) -> Output {
        self.run(line, &[("DATABASE_URL", &self.database_url())]).await
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
pub(crate) fn check(output: &Output, code: i32, says: &str) {
    let text = text(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(says), "{says} is not in: {text}");
}

#[tokio::test]
async fn a_first_policy_is_inferred_linted_and_previewed_without_a_raw_value() {
    let place = Place::new().await;
    let init = "init --root-table=users --root-filter-col=external_id --output=airlock.yaml";
    let preview = place.run_with_database(init).await;
    check(&preview, 0, "INFO: wrote airlock.yaml");
    check(&place.run_with_database(init).await, 2, "--force");
    check(&place.run_with_database(&format!("{init} --force")).await, 0, "INFO: wrote");
    check(&place.run_with_database("init --root-filter-col=email --output=-").await, 2, "E102");
    check(&place.run_with_database("init --print-grants --role=reader").await, 0, "CREATE ROLE \"reader\"");

    check(&place.run_with_database("yaml lint").await, 0, "W103");
    check(&place.run_with_database("yaml lint --deny-warnings").await, 1, "W103");
    check(&place.run("yaml lint --offline", &[]).await, 0, "");
    check(&place.run("yaml lint", &[]).await, 2, "DATABASE_URL");
    check(&place.run_with_database("yaml lint --format=sarif").await, 0, "\"2.1.0\"");

    let explained = place.run_with_database("yaml preview --subject=u_42 --explain").await;
    check(&explained, 0, "FROM \"main\".\"users\" AS src WHERE src.\"external_id\" = ?1");
    check(&explained, 0, "USING INDEX");
    for line in ["yaml preview --subject=u_42 --explain", "yaml preview --subject=u_42 --json"] {
        let preview = place.run_with_database(line).await;
        check(&preview, 0, "<EMAIL>");
        for canary in CANARIES {
            assert!(!text(&preview).contains(canary), "{canary}");
        }
    }
    check(&place.run_with_database("yaml preview --subject=u_43").await, 1, "No record in users");
}

#[tokio::test]
async fn exit_codes_say_whose_turn_it_is() {
    let place = Place::new().await;
    check(&place.run("nonsense", &[]).await, 2, "Usage");
    check(&place.run("--help", &[]).await, 0, "Usage");
    check(&place.run("version --json", &[]).await, 0, "\"airlock\"");
    check(&place.run("run", &[]).await, 2, "airlock init");
    std::fs::write(place.path().join("airlock.yaml"), "mask_column: x\n").unwrap();
    check(&place.run("yaml lint --offline", &[]).await, 2, "E100");
    let init = "init --root-filter-col=external_id --force";
    check(&place.run_with_database(init).await, 0, "wrote");
    let unreachable = [("DATABASE_URL", "postgres://u:s3cret@127.0.0.1:1/d")];
    let lint = place.run("yaml lint", &unreachable).await;
    check(&lint, 3, "cannot be reached");
    assert!(!text(&lint).contains("s3cret"));
    let unreachable = [("AIRLOCK_ENROLLMENT_TOKEN", "enroll_x"), ("AIRLOCK_CP_URL", "http://127.0.0.1:1")];
    check(&place.run("register", &unreachable).await, 4, "cannot be reached");
    check(&place.run("mask-key init", &[]).await, 0, "fingerprint");
    check(&place.run("mask-key init", &[]).await, 6, "never overwritten");
}

#[tokio::test]
async fn secrets_on_the_command_line_work_and_are_warned_about() {
    let place = Place::new().await;
    let line =
        format!("init --root-filter-col=external_id --output=- --database-url={}", place.database_url());
    check(&place.run(&line, &[]).await, 0, "WARN: --database-url can be seen by every user");
    std::fs::write(place.path().join("airlock.yaml"), "root_table: users\n").unwrap();
    let line = "register --cp-url=http://127.0.0.1:1 --enrollment-token=enroll_x";
    check(&place.run(line, &[]).await, 4, "WARN: a token on the command line can be seen");
    let line = "register --cp-url=http://127.0.0.1:1 --enrollment-token=-";
    check(&place.run(line, &[]).await, 2, "no token came on standard input");
}

/// `/proc` shows command lines to every user of the host.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn secrets_on_the_command_line_leave_it_at_once() {
    let place = Place::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    std::fs::write(place.path().join("airlock.yaml"), "root_table: users\n").unwrap();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(["register", "--token", "enroll_s3cret"])
        .arg(format!("--cp-url=http://{}", silent.local_addr().unwrap()))
        .env_clear()
        .current_dir(place.path())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // It asks for its identity, so it runs with the token.
    let (mut asking, _) = silent.accept().await.unwrap();
    let mut asked = vec![];
    while !String::from_utf8_lossy(&asked).contains("enroll_s3cret") {
        assert!(
            tokio::io::AsyncReadExt::read_buf(&mut asking, &mut asked).await.unwrap() > 0,
            "no token came"
        );
    }
    let line = std::fs::read(format!("/proc/{}/cmdline", child.id().unwrap())).unwrap();
    let line = String::from_utf8(line).unwrap();
    assert!(line.contains("--token\0***\0") && !line.contains("s3cret"), "{line}");
    child.kill().await.unwrap();
}

/// What the control plane of these tests was asked.
type Asked = Arc<Mutex<Vec<ProvenRequest>>>;

/// A control plane that enrolls once.
async fn control_plane(key: &PrivateKey) -> (String, Asked) {
    let asked = Asked::default();
    let (seen, cp_public_key) = (asked.clone(), key.public().to_base64());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tunnel_url = url.clone();
    let enroll = move |Json(request): Json<EnrollRequest>| async move {
        let mut seen = seen.lock().unwrap();
        let refused = |error: EnrollError| {
            let status = StatusCode::from_u16(error.http_status()).unwrap();
            (status, Json(serde_json::json!({"code": error.as_str()})))
        };
        let proven = request.verify().map_err(refused)?;
        if !seen.is_empty() {
            return Err(refused(EnrollError::Used));
        }
        seen.push(proven);
        Ok(Json(EnrollResponse {
            tenant_id: "t_acme".parse().unwrap(),
            tenant_slug: "acme".parse().unwrap(),
            worker_id: "w_acme_prod".parse().unwrap(),
            cp_public_key,
            tunnel_url,
            server_time: Timestamp::default(),
        }))
    };
    let app = Router::new().route(PATH, post(enroll));
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await });
    serving.detach_all();
    (url, asked)
}

#[tokio::test]
async fn a_worker_registers_once_and_pins_the_control_planes_key() {
    let place = Place::new().await;
    let key = PrivateKey::generate(&SystemHost::new());
    let (url, asked) = control_plane(&key).await;
    let yaml = place.path().join("airlock.yaml");
    std::fs::write(&yaml, "# ours\nroot_table: users\n").unwrap();
    let token = [("AIRLOCK_ENROLLMENT_TOKEN", "enroll_s3cret"), ("AIRLOCK_CP_URL", &*url)];

    let wrong = format!("register --cp-fingerprint=sha256:{}", "0".repeat(64));
    check(&place.run(&wrong, &token).await, 6, "fingerprint");
    assert_eq!(std::fs::read_to_string(&yaml).unwrap(), "# ours\nroot_table: users\n");
    asked.lock().unwrap().clear();

    let registered =
        place.run(&format!("register --cp-fingerprint={}", key.public().fingerprint()), &token).await;
    check(&registered, 0, "INFO: registered: tenant=t_acme worker=w_acme_prod");
    assert!(!text(&registered).contains("s3cret"));
    let written = std::fs::read_to_string(&yaml).unwrap();
    assert!(written.starts_with("# ours\nroot_table: users\ncontrol_plane:\n"));
    assert!(written.contains(&key.public().to_base64()) && !written.contains("s3cret"));
    let ours = std::fs::read_to_string(place.path().join(".airlock/worker_ed25519.pem")).unwrap();
    assert_eq!(asked.lock().unwrap()[0].worker_key, PrivateKey::from_pem(&ours).unwrap().public());

    check(&place.run("register", &token).await, 5, "tunnel rejected");
}
