//! Against real servers on this machine, and against everything that an attacker would name instead.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::dial::Resolve;
use super::*;

const SECONDS: Duration = Duration::from_secs(5);

/// A server that gives these answers in turn, one a connection, and the last one for ever. `{at}` is its address.
struct Server {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

async fn server(answers: &[&str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut left) = (asked.clone(), answers.iter().map(|a| (*a).to_owned()).collect::<VecDeque<_>>());
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            seen.lock().push(String::from_utf8_lossy(&head).into_owned());
            let answer = if left.len() > 1 { left.pop_front().unwrap() } else { left[0].clone() };
            let answer = answer.replace("{at}", &at.to_string());
            let _ = stream.write_all(answer.as_bytes()).await;
            if answer.contains("x-hang") {
                open.push(stream);
            }
        }
    });
    Server { at, asked, _task: task }
}

fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

/// Gives its answers in turn and counts how often it was asked.
#[derive(Debug, Default)]
struct Names {
    answers: Mutex<VecDeque<Vec<SocketAddr>>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.answers.lock().pop_front().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn fetch(allow: &[&str]) -> Fetch {
    Fetch::new(&allow.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(), Trust::default()).unwrap()
}

fn with_names(allow: &[&str], answers: &[&[&str]]) -> (Fetch, Arc<Names>) {
    let mut fetch = fetch(allow);
    let addresses = |list: &&[&str]| list.iter().map(|at| at.parse().unwrap()).collect();
    let names = Arc::new(Names {
        answers: Mutex::new(answers.iter().map(addresses).collect()),
        asked: AtomicUsize::new(0),
    });
    fetch.dialer.resolver = names.clone();
    (fetch, names)
}

async fn ask(fetch: &Fetch, url: &str) -> Result<Fetched, FetchError> {
    fetch.json(&url.parse().unwrap(), 1_000, SECONDS).await
}

#[tokio::test]
async fn a_document_of_a_listed_host_comes_whole_and_nothing_of_ours_goes_along() {
    let server =
        server(&[&json(r#"{"a":1}"#).replace("\r\n\r\n", "\r\ncache-control: max-age=60\r\n\r\n")]).await;
    let got = ask(&fetch(&["127.0.0.1"]), &format!("http://{}/c?x=1#f", server.at)).await.unwrap();
    assert_eq!((&*got.body, got.fresh_for), (r#"{"a":1}"#.as_bytes(), Some(Duration::from_secs(60))));
    let asked = server.asked.lock()[0].to_ascii_lowercase();
    let mut lines: Vec<_> = asked.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    let (host, agent) =
        (format!("host: {}", server.at), format!("user-agent: airlock-cp/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(lines, ["accept: application/json", "get /c?x=1 http/1.1", &host, &agent]);
}

#[tokio::test]
async fn what_is_no_document_is_none() {
    let big = json(&"x".repeat(1_001));
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{}",
        format!("200\r\n{}\r\n", "x".repeat(512)).repeat(4)
    );
    for (answer, expected) in [
        (json("{}").replace("200 OK", "404 Not Found"), FetchError::Failed),
        (json("{}").replace("200 OK", "206 Partial Content"), FetchError::Failed),
        (json("{}").replace("application/json", "text/html"), FetchError::Failed),
        (json("{}").replace("content-type", "x-type"), FetchError::Failed),
        (json("{}").replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n"), FetchError::Failed),
        (json("{}").replace("content-length: 2", "content-length: 9"), FetchError::Failed),
        ("no HTTP at all\r\n\r\n".to_owned(), FetchError::Failed),
        (format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "y".repeat(100_000)), FetchError::Failed),
        (big, FetchError::TooLarge),
        (endless, FetchError::TooLarge),
    ] {
        let server = server(&[&answer]).await;
        let got = ask(&fetch(&["127.0.0.1"]), &format!("http://{}/", server.at)).await;
        assert_eq!(got.unwrap_err(), expected, "{}", &answer[..answer.len().min(200)]);
    }
}

#[tokio::test]
async fn who_answers_too_slowly_is_left() {
    let server = server(&[
        "HTTP/1.1 200 OK\r\nx-hang: 1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ])
    .await;
    let url = format!("http://{}/", server.at).parse().unwrap();
    let got = fetch(&["127.0.0.1"]).json(&url, 1_000, Duration::from_millis(200)).await;
    assert_eq!(got.unwrap_err(), FetchError::Failed);
}

#[tokio::test]
async fn redirects_stay_within_the_origin_and_end() {
    let allowed = fetch(&["127.0.0.1", "localhost"]);
    let good = server(&[&moved("/b"), &moved("c"), &moved("?d"), &json("{}")]).await;
    assert!(ask(&allowed, &format!("http://{}/a", good.at)).await.is_ok());
    assert_eq!(good.asked.lock().len(), 4);

    let rounds = server(&[&moved("/again")]).await;
    assert_eq!(ask(&allowed, &format!("http://{}/", rounds.at)).await.unwrap_err(), FetchError::Failed);
    assert_eq!(rounds.asked.lock().len(), 4);

    let other = server(&[&json("{}")]).await;
    for to in [
        format!("http://{}/", other.at),
        format!("http://localhost:{}/", other.at.port()),
        "https://127.0.0.1/".to_owned(),
        "//169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://[::1]/".to_owned(),
        "http://".to_owned(),
    ] {
        let server = server(&[&moved(&to)]).await;
        let got = ask(&allowed, &format!("http://{}/", server.at)).await.unwrap_err();
        assert_eq!(got, FetchError::Refused, "{to}");
    }
    // The origin is the same, and somebody's name is in front of it.
    let named = server(&[&moved("http://user:pw@{at}/")]).await;
    assert_eq!(ask(&allowed, &format!("http://{}/", named.at)).await.unwrap_err(), FetchError::Refused);
    assert!(other.asked.lock().is_empty());
}

#[tokio::test]
async fn what_was_judged_is_what_is_dialled_also_when_the_name_changes_its_mind() {
    let (first, second) = (server(&[&moved("/b"), &json("{}")]).await, server(&[&json("{}")]).await);
    let (fetch, names) = with_names(&["rebind.test"], &[&[&first.at.to_string()], &[&second.at.to_string()]]);
    assert!(ask(&fetch, "http://rebind.test/").await.is_ok());
    assert_eq!((first.asked.lock().len(), second.asked.lock().len()), (2, 0));
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    assert!(first.asked.lock()[0].contains("host: rebind.test\r\n"));
}

#[tokio::test]
async fn a_name_with_one_inner_address_is_refused_and_nobody_is_dialled() {
    let inner = server(&[&json("{}")]).await;
    let (outer, inner_at) = ("8.8.8.8:443", inner.at.to_string());
    for answers in [
        vec![outer, inner_at.as_str()],
        vec![inner_at.as_str(), outer],
        vec![inner_at.as_str()],
        vec!["[::1]:443"],
        vec!["[2606:4700::1111]:443", "[fd00::1]:443"],
        vec![],
    ] {
        let (fetch, _) = with_names(&[], &[&answers]);
        assert_eq!(ask(&fetch, "https://two.faces.example/").await.unwrap_err(), FetchError::Refused);
    }
    // A name that is not there looks the same.
    let (fetch, _) = with_names(&[], &[]);
    assert_eq!(ask(&fetch, "https://nobody.example/").await.unwrap_err(), FetchError::Refused);
    assert!(inner.asked.lock().is_empty());
}

#[tokio::test]
async fn a_listed_network_is_dialled_over_tls_only_and_a_listed_name_in_clear_too() {
    let server = server(&[&json("{}")]).await;
    let at = server.at.to_string();
    let (by_network, _) = with_names(&["127.0.0.0/8"], &[&[&at], &[&at]]);
    assert_eq!(ask(&by_network, "http://idp.test/").await.unwrap_err(), FetchError::Refused);
    // It speaks no TLS, and was dialled.
    assert_eq!(ask(&by_network, "https://idp.test/").await.unwrap_err(), FetchError::Failed);
    let (by_name, _) = with_names(&["IDP.test"], &[&[&at]]);
    assert!(ask(&by_name, "http://idp.test/").await.is_ok());
    let (by_name, _) = with_names(&["idp.test"], &[&[&at]]);
    assert_eq!(ask(&by_name, "http://idp.test.evil.test/").await.unwrap_err(), FetchError::Refused);
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_in_every_notation() {
    let fetch = fetch(&[]);
    for host in [
        // Loopback, as people and as attackers write it.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0x7f.0x0.0x0.0x1",
        "127.255.255.255",
        "127.0.0.1.",
        "１２７.０.０.１",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::]",
        // This network, private, carriers, link-local.
        "0.0.0.0",
        "0",
        "0.1.2.3",
        "10.0.0.1",
        "0xa000001",
        "012.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "192.168.257",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        // Assigned, documentation, benchmarking, multicast, reserved, broadcast.
        "192.0.0.8",
        "192.0.0.192",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        // IPv6: local, site-local, link-local, multicast, documentation, what hides IPv4, what is not assigned.
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[febf::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::]",
        "[2002:808:808::]",
        "[2001::1]",
        "[2001:0:4136:e378::1]",
        "[2001:2::1]",
        "[2001:10::1]",
        "[2001:20::1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[4000::1]",
        "[::ffff:0:127.0.0.1]",
        "[5f00::1]",
    ] {
        let url = format!("https://{host}/");
        let url: Url = url.parse().unwrap_or_else(|e| panic!("{host}: {e}"));
        assert_eq!(fetch.json(&url, 1_000, SECONDS).await.unwrap_err(), FetchError::Refused, "{host}");
    }
}

#[tokio::test]
async fn addresses_that_are_no_plain_https_are_refused_before_anything_is_resolved() {
    let long = format!("https://example.com/{}", "x".repeat(3_000));
    for url in [
        "http://example.com/",
        "http://example.com:443/",
        "https://example.com:8443/",
        "https://example.com:80/",
        "https://user@example.com/",
        "https://:pw@example.com/",
        "https://user:pw@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:application/json,{}",
        "javascript:1",
        "ws://example.com/",
        "jar:https://example.com/",
        "unix:/run/x.sock",
        &long,
    ] {
        let (fetch, names) = with_names(&[], &[&["8.8.8.8:443"]]);
        assert_eq!(ask(&fetch, url).await.unwrap_err(), FetchError::Refused, "{url}");
        assert_eq!(names.asked.load(Ordering::Relaxed), 0, "{url}");
    }
}

#[test]
fn public_addresses_are_public() {
    for ip in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "3fff:1000::1",
    ] {
        assert!(address::is_public(ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn what_is_no_address_network_or_name_is_not_listed() {
    for bad in ["10.0.0.0/33", "https://idp.test", "idp.test:8443", "*.corp.test", "a b", "10"] {
        assert!(Fetch::new(&[bad.to_owned()], Trust::default()).is_err(), "{bad}");
    }
    for good in ["10.0.0.0/8", "10.1.2.3", "::1", "[::1]", "fd00::/8", "idp.corp.example", "localhost"] {
        assert!(Fetch::new(&[good.to_owned()], Trust::default()).is_ok(), "{good}");
    }
}
