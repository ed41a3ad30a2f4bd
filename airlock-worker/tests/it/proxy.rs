//! The way to the control plane through a proxy, as the binary goes it.

use std::time::Duration;

use airlock_core::crypto::PrivateKey;
use airlock_core::runtime::SystemHost;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::cli::Place;

/// Answers one CONNECT; what was asked, and what was sent through it at first.
async fn proxied(listener: &TcpListener) -> (String, Vec<u8>) {
    let passed = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut through = vec![0; 4096];
        let read = stream.read(&mut through).await.unwrap();
        through.truncate(read);
        (String::from_utf8(head).unwrap(), through)
    };
    tokio::time::timeout(Duration::from_secs(20), passed).await.expect("the proxy is asked")
}

#[track_caller]
fn check((head, through): &(String, Vec<u8>)) {
    assert!(head.starts_with("CONNECT cp.example.com:443 HTTP/1.1\r\n"), "{head}");
    // TLS from end to end: a handshake record, for the control plane's name.
    assert_eq!(through.first(), Some(&22));
    assert!(through.windows(14).any(|bytes| bytes == b"cp.example.com"));
}

#[tokio::test]
async fn it_enrolls_and_dials_through_the_proxy() {
    let place = Place::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let authorized = format!("http://user:p%40ss@127.0.0.1:{port}");
    std::fs::write(place.path().join("airlock.yaml"), "root_table: users\n").unwrap();
    let variables = [
        ("AIRLOCK_ENROLLMENT_TOKEN", "enroll_x"),
        ("AIRLOCK_CP_URL", "https://cp.example.com"),
        ("HTTPS_PROXY", &*authorized),
    ];
    let (registered, asked) = tokio::join!(place.run("register", &variables), proxied(&listener));
    check(&asked);
    // user:p@ss
    assert!(asked.0.to_lowercase().contains("proxy-authorization: basic dxnlcjpwqhnz"), "{}", asked.0);
    assert!(!String::from_utf8_lossy(&registered.stderr).contains("p%40ss"));

    // The tunnel, by the policy's own proxy.
    let key = PrivateKey::generate(&SystemHost::new());
    let database = place.database_url();
    let init =
        place.run("init --root-filter-col=external_id --output=-", &[("DATABASE_URL", &database)]).await;
    let yaml = format!(
        "{}\nstorage: {{allow_disk: true}}\ncontrol_plane: {{url: 'https://cp.example.com', tenant_id: t_acme, \
         worker_id: w_acme_prod, cp_public_key: '{}', proxy: 'http://127.0.0.1:{port}'}}\n",
        String::from_utf8(init.stdout).unwrap(),
        key.public().to_base64()
    );
    std::fs::write(place.path().join("airlock.yaml"), yaml).unwrap();
    let data = place.path().join("data");
    let data = data.to_str().unwrap();
    let variables =
        [("DATABASE_URL", &*database), ("AIRLOCK_DATA_DIR", data), ("AIRLOCK_METRICS_ADDR", "127.0.0.1:0")];
    let run = place.run("run", &variables);
    tokio::select! {
        ended = run => panic!("{}", String::from_utf8_lossy(&ended.stderr)),
        asked = proxied(&listener) => check(&asked),
    }
}

#[tokio::test]
async fn what_is_no_proxy_is_refused_without_being_shown() {
    let place = Place::new().await;
    std::fs::write(place.path().join("airlock.yaml"), "root_table: users\n").unwrap();
    let variables = [
        ("AIRLOCK_ENROLLMENT_TOKEN", "enroll_x"),
        ("AIRLOCK_CP_URL", "https://cp.example.com"),
        ("HTTPS_PROXY", "socks5://u:s3cret@127.0.0.1:1"),
    ];
    let refused = place.run("register", &variables).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("HTTPS_PROXY: http://host:port") && !said.contains("s3cret"), "{said}");
}
