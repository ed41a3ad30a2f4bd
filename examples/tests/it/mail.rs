//! Mails through a real server: they arrive, over TLS and signed in; where they do not, it is told clearly, and nothing is
//! lost.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::needs;
use crate::passage::program::Running;
use crate::passage::stack::{OPERATOR, Stack};

const USER: &str = "airlock";
const PASSWORD: &str = "s3cret-of-the-mail-server";
/// What the control plane says once it looked at the server.
const TAKES: &str = "the mail server takes our mails";
const TAKES_NOT: &str = "mails cannot be sent";

/// A mail server on loopback, with a certificate of an authority of its own.
struct Post {
    python: String,
    folder: tempfile::TempDir,
    given: Value,
}

impl Post {
    /// `None` without the Python that it runs in.
    fn new(tls: &str) -> Option<Self> {
        let python = needs::variable("AIRLOCK_TEST_PYTHON_SMTP")?;
        let folder = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = rcgen::KeyPair::generate().unwrap();
        let trusted = params.self_signed(&authority).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&key, &rcgen::Issuer::new(params, authority)).unwrap();
        let files = [("ca.pem", trusted.pem()), ("cert.pem", own.pem()), ("key.pem", key.serialize_pem())];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let file = |name: &str| folder.path().join(name);
        let given = json!({
            "tls": tls, "cert": file("cert.pem"), "key": file("key.pem"), "user": USER, "password": PASSWORD
        });
        Some(Self { python, folder, given })
    }

    /// Starts it; where it listens.
    #[expect(clippy::disallowed_methods, reason = "runs somebody else's mail server")]
    fn open(&self, more: &[(&str, Value)]) -> (Running, u16) {
        let mut given = self.given.clone();
        for (name, value) in more {
            given[name] = value.clone();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/server.py");
        let mut command = Command::new(&self.python);
        command.arg(script).arg(given.to_string()).env_clear().env("PATH", "/usr/bin:/bin");
        let running = Running::start(command.env("PYTHONDONTWRITEBYTECODE", "1"));
        let port = told(&running, "port")["port"].as_u64().unwrap();
        (running, u16::try_from(port).unwrap())
    }

    /// A control plane that sends through it.
    fn control_plane(&self, url: &str) -> Stack {
        Stack::with(&self.settings(url))
    }

    fn settings(&self, url: &str) -> [(&'static str, String); 3] {
        [
            ("AIRLOCK_CP_SMTP_URL", url.to_owned()),
            ("AIRLOCK_CP_MAIL_FROM", "Airlock <airlock@example.com>".to_owned()),
            ("AIRLOCK_CP_CA_FILE", self.folder.path().join("ca.pem").display().to_string()),
        ]
    }
}

/// The first thing of this kind that the server tells.
#[track_caller]
fn told(server: &Running, what: &str) -> Value {
    let line = server.line(what, |line| line.contains(&format!("\"{what}\":")));
    serde_json::from_str(&line.unwrap_or_else(|| panic!("the server ended:\n{}", server.said()))).unwrap()
}

/// Invites somebody; the link, as the operator is told it.
async fn invite(stack: &Stack, email: &str) -> Value {
    let body = json!({"email": email, "role": "member"});
    let asked = crate::http::client()
        .build()
        .unwrap()
        .post(format!("{}/api/v1/org/invitations", stack.url))
        .bearer_auth(OPERATOR)
        .header("airlock-org", "default");
    let answer = asked.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201, "an invitation does not wait for the mail");
    answer.json().await.unwrap()
}

#[track_caller]
fn says(stack: &Stack, what: &str) -> String {
    let line = stack.cp.line(what, |line| line.contains(what));
    let line = line.unwrap_or_else(|| panic!("the control plane ended:\n{}", stack.cp.said()));
    assert!(!stack.cp.said().contains(PASSWORD), "the password is in the log");
    line
}

/// It came over TLS from who is signed in, and its link leads to the invitation.
async fn arrived(stack: &Stack, server: &Running, to: &str) {
    let mail = told(server, "subject");
    assert_eq!((&mail["to"], &mail["sender"]), (&json!([to]), &json!("Airlock <airlock@example.com>")));
    assert_eq!(mail["subject"], "You are invited to \"Default\" on Airlock", "{mail}");
    assert_eq!((&mail["encrypted"], &mail["signed_in"]), (&json!(true), &json!(true)), "{mail}");
    let start = format!("{}/invitations/accept?token=", stack.url);
    let text = mail["text"].as_str().unwrap();
    let token = text.split_whitespace().find_map(|word| word.strip_prefix(&start)).unwrap();
    let shown = reqwest::get(format!("{}/api/v1/invitations/{token}", stack.url)).await.unwrap();
    assert_eq!(shown.status(), 200);
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["email"], to, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_arrives_over_tls_of_either_kind() {
    for (tls, scheme, query) in [("starttls", "smtp", "?tls=required"), ("start", "smtps", "")] {
        let Some(post) = Post::new(tls) else { return };
        let (server, port) = post.open(&[]);
        let stack = post.control_plane(&format!("{scheme}://{USER}:{PASSWORD}@localhost:{port}{query}"));
        says(&stack, TAKES);
        invite(&stack, "eve@example.com").await;
        arrived(&stack, &server, "eve@example.com").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_at_the_start_and_what_was_not_sent_can_be_sent_again() {
    let Some(post) = Post::new("starttls") else { return };
    let (server, port) = post.open(&[]);
    let url = |password: &str| format!("smtp://{USER}:{password}@localhost:{port}?tls=required");
    let mut stack = post.control_plane(&url("wrong-s3cret"));
    let why = "the server does not take our user and password";
    assert!(says(&stack, TAKES_NOT).contains(why), "{}", stack.cp.said());
    let made = invite(&stack, "eve@example.com").await;
    assert!(says(&stack, "a mail was not sent").contains(why), "{}", stack.cp.said());
    for secret in ["wrong-s3cret", "eve@example.com", made["link"].as_str().unwrap()] {
        assert!(!stack.cp.said().contains(secret), "{secret} is in the log");
    }
    assert!(!server.said().contains("subject"), "{}", server.said());

    stack.restart_with(&post.settings(&url(PASSWORD)));
    says(&stack, TAKES);
    let again = format!("{}/api/v1/org/invitations/{}/resend", stack.url, made["id"].as_str().unwrap());
    let again = crate::http::client()
        .build()
        .unwrap()
        .post(again)
        .bearer_auth(OPERATOR)
        .header("airlock-org", "default");
    assert_eq!(again.json(&json!({})).send().await.unwrap().status(), 200, "it was not lost");
    arrived(&stack, &server, "eve@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_or_busy_gets_the_mail_when_it_is_back() {
    let Some(post) = Post::new("starttls") else { return };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let stack = post.control_plane(&format!("smtp://{USER}:{PASSWORD}@localhost:{port}?tls=required"));
    assert!(says(&stack, TAKES_NOT).contains("no connection"), "{}", stack.cp.said());
    invite(&stack, "eve@example.com").await;
    assert!(says(&stack, "a mail was not sent").contains("\"again\":true"), "{}", stack.cp.said());
    let (server, _) = post.open(&[("port", json!(port))]);
    arrived(&stack, &server, "eve@example.com").await;
    drop(server);

    let (server, _) = post.open(&[("port", json!(port)), ("answers", json!(["451 4.7.1 come back later"]))]);
    invite(&stack, "bob@example.com").await;
    told(&server, "refused");
    assert!(says(&stack, "refused for now").contains("\"again\":true"));
    arrived(&stack, &server, "bob@example.com").await;
    drop(server);

    let (server, _) = post.open(&[("port", json!(port)), ("answers", json!(["550 5.1.1 no such mailbox"]))]);
    invite(&stack, "nobody@example.com").await;
    told(&server, "refused");
    assert!(
        says(&stack, "\"why\":\"refused\"").contains("\"again\":false"),
        "what will not pass is not tried again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_cannot_prove_who_they_are_gets_the_password() {
    for (tls, why) in [
        ("none", "the server offers no TLS"),
        ("starttls", "certificate does not hold"),
        ("start", "certificate does not hold"),
    ] {
        let Some(post) = Post::new(tls) else { return };
        let (server, port) = post.open(&[]);
        let (scheme, query) = if tls == "start" { ("smtps", "") } else { ("smtp", "?tls=required") };
        let [url, from, _] = post.settings(&format!("{scheme}://{USER}:{PASSWORD}@localhost:{port}{query}"));
        // Its authority is not known, or it speaks no TLS.
        let stack = Stack::with(&[url, from]);
        let line = says(&stack, TAKES_NOT);
        assert!(line.contains(why), "{line}");
        invite(&stack, "eve@example.com").await;
        says(&stack, "a mail was not sent");
        assert!(
            !server.said().contains("sign_in") && !server.said().contains("subject"),
            "{}",
            server.said()
        );
    }
}
