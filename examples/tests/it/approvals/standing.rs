//! `airlock-approve dnd`, `history`, and the live inbox, at a real control plane.

use std::time::Duration;

use airlock_client::approvals::{Choice, RemoteGate};
use airlock_client::approver::{Approver, ApproverFolder};
use airlock_client::{Airlock, ClientConfig};
use airlock_core::approval::{ApprovalGate as _, Verdict};
use serde_json::Value;

use super::rig::{LONG, Rig, ask};
use super::terminal::Machine;

/// The same enforcer after a restart: what it knew of standing decisions is forgotten.
fn restarted(rig: &Rig, gate: RemoteGate) -> RemoteGate {
    let pairing = gate.pairing().clone();
    drop(gate);
    RemoteGate::new(rig.approvals("agent"), pairing, rig.state("agent")).unwrap()
}

async fn standing(gate: &RemoteGate, command: &str) -> Option<Verdict> {
    gate.standing(&ask(command)).await.map(|standing| standing.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_in_advance_for_a_time_and_takes_it_back() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let gate = machine.pair("agent").await;
    assert_eq!(standing(&gate, "git status").await, None);

    // Shown first, signed after a yes.
    let mut tty = machine.tty("dnd set approve --for 2h --command 'git status'");
    tty.line("This APPROVES, without asking you, for 2 h 0 min:");
    tty.line("   | of the enforcer: agent");
    tty.line("   | in the workspace: acme-shop");
    tty.line("   | commands that begin with: git status");
    tty.line("Sign? y");
    tty.types("n\n");
    assert_eq!(tty.end().0, Some(1));
    assert_eq!(machine.run(&["dnd"]).1, "");
    let mut tty = machine.tty("dnd set approve --for 2h --command 'git status'");
    tty.line("Sign? y");
    tty.types("y\n");
    tty.line("It stands.");
    assert_eq!(tty.end().0, Some(0));

    let gate = restarted(&rig, gate);
    assert_eq!(standing(&gate, "git status -s").await, Some(Verdict::Approve));
    assert_eq!(standing(&gate, "git status; rm -rf /").await, None);
    assert_eq!(standing(&gate, "git push").await, None);
    // An agent that decides by what stands asks nobody, and tells the person's history.
    let decided = gate.decide(ask("git status"), LONG).await.unwrap().unwrap();
    assert!(matches!(decided, Choice::Standing(_)) && decided.is_approved());
    let (_, out, _) = machine.run(&["inbox", "--json"]);
    assert_eq!(out, "[]\n");
    let (_, out, said) = machine.run(&["history", "--json"]);
    let page: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(page["items"][0]["outcome"], "approved in advance", "{out}{said}");

    // A no for everything comes before it.
    let (code, no, said) = machine.run(&["dnd", "set", "deny", "--for", "30m", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("This denies") && said.contains("Everything that it asks."), "{said}");
    let gate = restarted(&rig, gate);
    assert_eq!(standing(&gate, "git push").await, Some(Verdict::Reject));

    let (_, out, _) = machine.run(&["dnd", "show", "--json"]);
    let all: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(all.len(), 2, "{out}");
    assert!(all.iter().all(|one| one["signed_by"] == "this device" && one["enforcer"] == "agent"), "{out}");
    assert!(all.iter().any(|one| one["id"] == no.trim() && one["says"] == "deny"), "{out}");
    assert_eq!(machine.run(&["dnd", "off", no.trim()]).1, no);
    assert_eq!(machine.run(&["dnd", "off", no.trim()]).0, Some(1));
    let gate = restarted(&rig, gate);
    assert_eq!(standing(&gate, "git push").await, None);
    assert_eq!(machine.run(&["dnd", "off", "--all"]).0, Some(0));
    assert_eq!(machine.run(&["dnd"]).1, "");

    // What may not stand is not sent.
    for args in [
        &["dnd", "set", "approve", "--yes"][..],
        &["dnd", "set", "approve", "--for", "25h", "--yes"],
        &["dnd", "set", "approve", "--until", "2020-01-01T00:00:00Z", "--yes"],
        &["dnd", "set", "approve", "--for", "1h", "--pairing", "pn-none", "--yes"],
        &["dnd", "off"],
    ] {
        let (code, out, said) = machine.run(args);
        assert!(code == Some(2) && out.is_empty(), "{args:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_is_listed_page_by_page() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let gate = machine.pair("agent").await;
    let mut ids = Vec::new();
    for (command, word) in [("ls", Some("approve")), ("rm \u{9b}2J", Some("reject")), ("sleep", None)] {
        let id = gate.submit(ask(command)).await.unwrap();
        match word {
            Some("approve") => assert_eq!(machine.run(&["approve", id.as_str(), "--yes"]).0, Some(0)),
            Some(word) => assert_eq!(machine.run(&[word, id.as_str()]).0, Some(0)),
            None => gate.withdraw(&id).await.unwrap(),
        }
        ids.insert(0, id.to_string());
    }
    let waits = gate.submit(ask("still waits")).await.unwrap();
    let (code, out, said) = machine.run(&["history"]);
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    for (line, (id, outcome)) in lines.iter().zip(ids.iter().zip(["Withdrawn", "rejected", "approved"])) {
        assert!(line.starts_with(&format!("{id}\tcommand-approval\tagent\t{outcome}\t")), "{line}");
    }
    assert!(!out.contains(waits.as_str()) && !said.contains("older ones"));

    let page = |args: &[&str]| {
        let (code, out, said) = machine.run(&[&["history", "--json", "--limit", "2"], args].concat());
        assert_eq!(code, Some(0), "{said}");
        assert!(out.trim_end().bytes().all(|b| (b' '..=b'~').contains(&b)), "{out}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let first = page(&[]);
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert_eq!(first["items"][1]["decision"], "reject");
    assert!(first["items"][1]["asked"].as_str().unwrap().contains('\u{9b}'), "JSON has what was asked");
    let rest = page(&["--before", first["next"].as_str().unwrap()]);
    assert_eq!(
        (rest["items"][0]["request_id"].as_str(), &rest["next"]),
        (Some(ids[2].as_str()), &Value::Null)
    );
    assert_eq!(page(&["--all"])["items"].as_array().unwrap().len(), 3);
    assert_eq!(machine.run(&["history", "--before", "x"]).0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_told_as_it_changes_and_again_after_the_gateway_was_away() {
    let mut rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = ClientConfig::new(&rig.stack.url).unwrap().with_pat(&rig.pat);
    let over_http = Airlock::new(config).unwrap();
    let listener = Approver::new(over_http, ApproverFolder::open(folder.path().join("a")).unwrap()).unwrap();
    let pair = rig.pair("agent").await;
    let mut live = listener.live();
    for round in 0..2 {
        let first = pair.gate.submit(ask("first")).await.unwrap();
        let told = async {
            while !live.is_told() {
                live.changed().await;
            }
        };
        tokio::time::timeout(LONG, told).await.expect("a stream that says something");
        // From here on the clock alone would take a minute.
        let second = pair.gate.submit(ask("second")).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(50), live.changed()).await;
        assert!(heard.is_ok() && live.is_told(), "round {round}");
        for request in [first, second] {
            pair.gate.withdraw(&request).await.unwrap();
        }
        if round == 0 {
            rig.stack.restart();
            let noticed = async {
                while live.is_told() {
                    live.changed().await;
                }
            };
            tokio::time::timeout(LONG, noticed).await.expect("a stream that broke");
        }
    }
}
