//! The control plane carries what it cannot read: after many exchanges no plaintext and no key of either end is in its store, its log,
//! its answers or its memory. Clear metadata is the control: it is found.
//!
//! `AIRLOCK_SOAK_EXCHANGES` sets how many (`make soak`).

use std::fs::File;
use std::process::{Child, Stdio};

use airlock_core::approval::{ApprovalGate, Ask, Metadata, Verdict};
use airlock_core::crypto::decode_any;
use serde_json::{Value, json};

use super::rig::{LONG, Rig, unhurried};
use super::times;
use crate::canary::find::Finder;
use crate::canary::process;
use crate::passage::program::program;

/// In every payload; nothing else of this process holds it, and it has no part that stands elsewhere by chance.
const MARKER: &str = "zq-7Kepler-only-the-approver-reads-this";
/// In the metadata, which is clear.
const CLEAR: &str = "zq-clear-4Copernicus-for-everybody";
/// In requests that are no good.
const SENT: &str = "zq-9Tycho-sent-by-mistake";
const EXCHANGES: usize = 100;

/// The control plane again, on the same store and port, saying all it can into a file.
struct Talkative(Child);

impl Talkative {
    fn start(rig: &mut Rig) -> Self {
        rig.stack.cp.kill();
        let folder = rig.stack.folder.path();
        let child = program("airlock-cp")
            .env("AIRLOCK_CP_DATA_DIR", folder.join("cp"))
            .env("AIRLOCK_CP_BIND", rig.stack.url.trim_start_matches("http://"))
            .env("AIRLOCK_CP_METRICS_BIND", "off")
            .env("AIRLOCK_CP_OPERATOR_TOKEN", crate::passage::stack::OPERATOR)
            .env("AIRLOCK_CP_LOG", "trace")
            .envs(unhurried())
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("cp.log")).unwrap())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_holds_nothing_of_what_is_asked() {
    let mut rig = Rig::start().await;
    let cp = Talkative::start(&mut rig);
    rig.stack.until(async || rig.approvals("agent").heartbeat().await.is_ok()).await;
    let pair = rig.pair("agent").await;
    for n in 0..times("AIRLOCK_SOAK_EXCHANGES", EXCHANGES) {
        let payload = json!({"command": format!("echo {MARKER}-{n}"), MARKER: [n, {"deep": MARKER}]});
        let clear = [("repoName".to_owned(), CLEAR.to_owned())];
        let asked = Ask {
            metadata: Metadata::new(clear.into()).unwrap(),
            ..Ask::new("command-approval".parse().unwrap(), payload)
        };
        let request = pair.gate.submit(asked).await.unwrap();
        match n % 10 {
            // Some stay open, some are taken back: what ends well is not all that is kept.
            8 => {}
            9 => pair.gate.withdraw(&request).await.unwrap(),
            _ => {
                let verdict = if n % 2 == 0 { Verdict::Approve } else { Verdict::Reject };
                pair.answer(&request, verdict).await.unwrap();
                assert_eq!(pair.gate.wait(&request, LONG).await.unwrap().unwrap().verdict(), verdict);
            }
        }
    }
    // What goes wrong is told and logged by other ways. This came in clear, so that memory may hold it, and nothing else.
    for bad in [json!({"body": SENT}), json!({"msgType": SENT, "requestId": SENT}), json!([SENT])] {
        for path in ["/v1/decisions", "/v1/acks", "/v1/pairing/complete", "/v1/pairing/claim"] {
            let (status, _) = rig.post(path, &bad).await;
            assert!((400..500).contains(&status), "{path}: {status}");
        }
    }

    let secrets = keys(&pair.approver.with_keys(|keys| keys.to_secret_bytes()));
    assert_eq!(secrets.len(), 4, "a signing key and a shared key, as bytes and as text");
    let finders = [Finder::of_texts(&[MARKER]), Finder::of_bytes(secrets)];
    let (clear, sent) = (Finder::of_texts(&[CLEAR]), Finder::of_texts(&[SENT]));
    let mut seen_clear = Vec::new();
    let mut places = vec![("an answer", rig.wire.heard())];
    places.push(("the store", process::files(&rig.stack.folder.path().join("cp"))));
    let log = std::fs::read(rig.stack.folder.path().join("cp.log")).unwrap();
    assert!(String::from_utf8_lossy(&log).contains("listening"), "the log of this run");
    places.push(("the log", vec![("cp.log".to_owned(), log)]));
    match process::memory(cp.0.id()) {
        Some(ranges) => {
            places.push(("memory", ranges.into_iter().map(|range| (String::new(), range)).collect()));
        }
        None => println!("skipped in part: this system shows no program's memory"),
    }
    for (place, parts) in &places {
        assert!(!parts.is_empty(), "{place}");
        for (name, bytes) in parts {
            for finder in finders.iter().chain((*place != "memory").then_some(&sent)) {
                if let Some(found) = finder.find(bytes) {
                    panic!("{place}, {name}: {found}");
                }
            }
            if clear.find(bytes).is_some() {
                seen_clear.push(*place);
            }
        }
    }
    seen_clear.dedup();
    assert!(seen_clear.starts_with(&["an answer", "the store"]), "{seen_clear:?}");
    assert!(
        places.len() < 4 || seen_clear.contains(&"memory"),
        "the search finds what is there: {seen_clear:?}"
    );
}

/// Every secret of an approver, as it is kept and as bytes.
fn keys(kept: &[u8]) -> Vec<(String, Vec<u8>)> {
    let kept: Value = serde_json::from_slice(kept).unwrap();
    let mut texts = vec![("signing key", kept["signingSeed"].as_str().unwrap())];
    for pairing in kept["pairings"].as_object().unwrap().values() {
        texts.push(("shared key", pairing["contentKey"].as_str().unwrap()));
    }
    let both = texts.into_iter().flat_map(|(what, text)| {
        let bytes = decode_any(text).unwrap();
        assert_eq!(bytes.len(), 32);
        [(format!("{what} as text"), text.as_bytes().to_vec()), (what.to_owned(), bytes)]
    });
    both.collect()
}
