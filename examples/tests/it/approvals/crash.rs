//! `kill -9` of the control plane at any moment: what it said yes to, it still has.
//!
//! `AIRLOCK_SOAK_KILLS` sets how many, `AIRLOCK_KILL_SEED` repeats the same choices.

use std::time::Duration;

use airlock_client::ClientError;
use airlock_core::approval::{ApprovalGate, RequestId, Verdict};

use super::rig::{LONG, Pair, Rig, ask};
use super::times;
use crate::kill::chance::Chance;
use crate::needs;

/// Rounds in an ordinary test run, with two kills each.
const ROUNDS: usize = 3;
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_question_and_answer_loses_neither() {
    let seed = needs::optional("AIRLOCK_KILL_SEED").and_then(|text| text.parse().ok()).unwrap_or_else(rand);
    let rounds = times("AIRLOCK_SOAK_KILLS", ROUNDS * 20) / 20;
    println!("approvals, {rounds} rounds: AIRLOCK_KILL_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let mut asked = 0;
    for _ in 0..rounds {
        let commands: Vec<String> = (0..AT_ONCE).map(|n| format!("command {}", asked + n)).collect();
        asked += AT_ONCE;
        let submits = commands.iter().map(|command| pair.gate.submit(ask(command)));
        let submits = futures::future::join_all(submits);
        let (submitted, ()) = tokio::join!(submits, die(&mut rig, chance.up_to(Duration::from_millis(60))));
        let taken: Vec<(RequestId, &String)> = submitted
            .into_iter()
            .zip(&commands)
            .filter_map(|(answer, command)| Some((answer.ok()?, command)))
            .collect();
        for (request, command) in &taken {
            let waiting = pair.waiting(request).await.expect("what was accepted waits");
            let opened = pair.approver.open(&waiting).unwrap();
            assert_eq!(opened.shown(100).rows[0].to_string(), format!("command: {command}"));
        }

        let verdict = |n: usize| if n.is_multiple_of(2) { Verdict::Approve } else { Verdict::Reject };
        let decides = taken.iter().enumerate().map(|(n, (request, _))| decided(&pair, request, verdict(n)));
        let decides = futures::future::join_all(decides);
        let (decided_well, ()) =
            tokio::join!(decides, die(&mut rig, chance.up_to(Duration::from_millis(60))));
        for (n, (request, _)) in taken.iter().enumerate() {
            if decided_well[n].is_err() {
                // Nobody knows what became of it: the person looks again, and answers if it still waits.
                if pair.waiting(request).await.is_some() {
                    pair.answer(request, verdict(n)).await.unwrap();
                }
            }
            let believed = pair.gate.wait(request, LONG).await.unwrap().expect("a decision");
            assert_eq!(believed.verdict(), verdict(n));
        }
    }
    assert!(asked > 0);
}

async fn decided(pair: &Pair, request: &RequestId, verdict: Verdict) -> Result<(), ClientError> {
    let inbox = pair.approver.inbox().await?;
    let waiting = inbox.waiting.into_iter().find(|waiting| waiting.request_id() == request).unwrap();
    let opened = pair.approver.open(&waiting).unwrap();
    let choice = match verdict {
        Verdict::Approve => airlock_client::approver::Choice::Approve(opened.verified().unwrap()),
        Verdict::Reject => airlock_client::approver::Choice::Reject(&waiting),
    };
    pair.approver.decide(choice, None).await
}

/// Dies after a while, and is there again.
async fn die(rig: &mut Rig, after: Duration) {
    tokio::time::sleep(after).await;
    rig.stack.cp.kill();
    tokio::task::block_in_place(|| rig.stack.restart());
}

#[expect(clippy::disallowed_methods, reason = "a seed is whatever it is; it is printed")]
fn rand() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap()
}

/// The enforcer waits on, as a long poll that broke; the approver's yes comes after the restart.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_when_the_control_plane_dies_gets_the_answer_after_it_is_back() {
    let mut rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("ls")).await.unwrap();
    let answering = async {
        die(&mut rig, Duration::from_millis(200)).await;
        pair.answer(&request, Verdict::Approve).await.unwrap();
    };
    let (believed, ()) = tokio::join!(pair.gate.wait(&request, LONG), answering);
    assert!(believed.unwrap().unwrap().is_approved());
    // And a kill after the answer loses it no more.
    die(&mut rig, Duration::ZERO).await;
    assert_eq!(rig.state_of(&request).await, "Delivered");
}
