//! Approvals: thousands who wait for a person at one control plane, how soon they wake, what that takes; and how many questions and
//! decisions a second are taken in, each durable when it is answered.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use airlock_benches::{
    Answer, ControlPlane, Http, Person, Result, Series, Table, Timings, heading, memory_mib, note, settled,
    whole,
};
use airlock_client::approver::{Approver, ApproverFolder, ApproverKeys, Choice, calls as approver_calls};
use airlock_client::calls::{self, Submission};
use airlock_client::gateway::{EncryptedPayload, PairingInitiateRequest};
use airlock_client::transport::Request;
use airlock_client::{Airlock, ClientConfig};
use airlock_core::Host;
use airlock_core::approval::RequestId;
use airlock_core::crypto::{AgreementKey, ContentKey, artifact_hash, canonical_payload};
use airlock_core::runtime::SystemHost;
use clap::Parser;
use http::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Measures approvals.
#[derive(Debug, Parser)]
struct Args {
    /// How many wait at once
    #[arg(long, env = "AIRLOCK_BENCH_WAITERS", default_value_t = 5_000)]
    waiters: usize,
    /// Rounds
    #[arg(long, env = "AIRLOCK_BENCH_ROUNDS", default_value_t = 3)]
    rounds: usize,
    /// How many are decided one by one, before the rest is decided as fast as it goes
    #[arg(long, default_value_t = 100)]
    single: usize,
    /// How many ask or decide at once
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
}

const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "correct horse battery staple";
/// Questions that one enforcer may have open.
const OPEN_MAX: usize = 200;
/// Between two that are decided one by one: each is decided in a moment when nothing else happens.
const APART: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Figures {
    submits: Series,
    decisions: Series,
    single_p50: Series,
    single_p99: Series,
    burst_p50: Series,
    burst_p99: Series,
    idle: Series,
    asked: Series,
    waiting: Series,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let mut figures = Figures::default();
    for _ in 0..args.rounds {
        round(&args, &mut figures).await?;
    }
    let waiters = whole(args.waiters as f64);
    let about = format!(
        "{waiters} wait at one process, each over a connection of its own; {} rounds, each with a control plane of its own.",
        args.rounds
    );
    heading("Approvals", &about);
    let mut table = Table::new(&["", "median (smallest–largest)"]);
    let mut row = |name: String, series: &Series| table.row(&[&name, &series.show()]);
    let f = &figures;
    row(format!("questions taken in a second, {} at once", args.in_flight), &f.submits);
    row(
        format!("decisions taken in a second, {} at once, all of them waited for", args.in_flight),
        &f.decisions,
    );
    row("ms from a decision's request to the answer of who waits, one by one: median".into(), &f.single_p50);
    row("… 99 of 100".into(), &f.single_p99);
    row("the same while decisions come as fast as they are taken: median".into(), &f.burst_p50);
    row("… 99 of 100".into(), &f.burst_p99);
    row("MiB of the control plane, idle".into(), &f.idle);
    row(format!("MiB with {waiters} open questions"), &f.asked);
    row(format!("MiB while {waiters} wait"), &f.waiting);
    table.print();
    note(
        "Who decides and who waits is this one process; its signatures are made beforehand. A decision's time begins when its request is sent, and ends when the long poll has its answer.",
    );
    Ok(())
}

async fn round(args: &Args, figures: &mut Figures) -> Result<()> {
    let stack = ControlPlane::start(&[("AIRLOCK_CP_APPROVALS_USER_RATE", "100000000")])?;
    stack.owner(EMAIL, PASSWORD)?;
    let pat = Person::sign_in(&stack.url, EMAIL, PASSWORD).await?.pat().await?;
    let desk = Desk::new(&stack, &pat)?;
    let tokens = desk.pair(args.waiters.div_ceil(OPEN_MAX)).await?;
    figures.idle.push(memory_mib(stack.pid()));

    let (requests, submits) = desk.submissions(args.waiters, &tokens)?;
    figures.submits.push(send_all(&stack.url, &pat, submits, args.in_flight).await?.0);
    figures.asked.push(memory_mib(stack.pid()));
    let decisions = desk.decisions(args.waiters).await?;

    let (woken, mut wakes) = mpsc::unbounded_channel();
    let (shown, mut waiting): (Arc<str>, _) = (pat.as_str().into(), JoinSet::new());
    for request in requests {
        waiting.spawn(wait(Http::connect(&stack.url).await?, shown.clone(), request, woken.clone()));
    }
    drop(woken);
    settled(stack.pid()).await;
    figures.waiting.push(memory_mib(stack.pid()));

    let mut single = decisions;
    let burst = single.split_off(args.single.min(single.len()));
    let mut sent_at = HashMap::new();
    let mut http = Http::connect(&stack.url).await?;
    for (id, request) in &single {
        tokio::time::sleep(APART).await;
        sent_at.insert(id.clone(), Instant::now());
        send(&mut http, &pat, request).await?.good()?;
    }
    let mut timings = woken_after(&mut wakes, &sent_at, single.len()).await?;
    figures.single_p50.push(timings.ms(0.5));
    figures.single_p99.push(timings.ms(0.99));

    let burst_count = burst.len();
    let (per_second, sent_at) = send_all(&stack.url, &pat, burst, args.in_flight).await?;
    figures.decisions.push(per_second);
    let mut timings = woken_after(&mut wakes, &sent_at, burst_count).await?;
    figures.burst_p50.push(timings.ms(0.5));
    figures.burst_p99.push(timings.ms(0.99));
    while let Some(ended) = waiting.join_next().await {
        ended??;
    }
    Ok(())
}

/// How long each of so many took to wake.
async fn woken_after(
    wakes: &mut mpsc::UnboundedReceiver<(String, Instant)>,
    sent_at: &HashMap<String, Instant>,
    count: usize,
) -> Result<Timings> {
    let mut timings = Timings::default();
    for _ in 0..count {
        let next = tokio::time::timeout(Duration::from_secs(60), wakes.recv());
        let (id, at) = next.await.map_err(|_| "somebody was not woken")?.ok_or("a wait ended early")?;
        let sent = sent_at.get(&id).ok_or("woken without a decision")?;
        timings.push(at.duration_since(*sent));
    }
    Ok(timings)
}

/// A request, under the name of the question that it is about.
type Named = (String, Request);

/// Sends all of them, so many at once: how many a second, and when each was sent.
async fn send_all(
    url: &str,
    pat: &str,
    requests: Vec<Named>,
    in_flight: usize,
) -> Result<(f64, HashMap<String, Instant>)> {
    let count = requests.len();
    let left = Arc::new(Mutex::new(VecDeque::from(requests)));
    let mut senders = Vec::new();
    for _ in 0..in_flight {
        senders.push((Http::connect(url).await?, left.clone(), pat.to_owned()));
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (mut http, left, pat) in senders {
        tasks.spawn(async move {
            let mut sent_at = Vec::new();
            let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some((id, request)) = next() {
                sent_at.push((id, Instant::now()));
                send(&mut http, &pat, &request).await?.good()?;
            }
            Ok::<_, airlock_benches::Error>(sent_at)
        });
    }
    let mut all = HashMap::with_capacity(count);
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended??);
    }
    Ok((count as f64 / begun.elapsed().as_secs_f64(), all))
}

async fn send(http: &mut Http, pat: &str, request: &Request) -> Result<Answer> {
    let mut headers = vec![("x-pat", pat)];
    if !request.body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    http.send(request.method.clone(), &request.target, &headers, request.body.clone()).await
}

/// Waits for the decision of one question, by one long poll after the other.
async fn wait(
    mut http: Http,
    pat: Arc<str>,
    id: String,
    woken: mpsc::UnboundedSender<(String, Instant)>,
) -> Result<()> {
    let call = calls::wait(&id, *calls::WAIT_S.end());
    loop {
        let answer = send(&mut http, &pat, &call.request).await?;
        let at = Instant::now();
        answer.good()?;
        if answer.status != StatusCode::NO_CONTENT {
            let told = answer.json()?;
            if told["body"]["signature"].is_null() {
                return Err(format!("no decision: {told}").into());
            }
            // Nobody listens any more when something else went wrong.
            let _ = woken.send((id, at));
            return Ok(());
        }
    }
}

/// Both sides of the pairings, over the SDK.
struct Desk {
    airlock: Airlock,
    approver: Approver,
    host: Arc<dyn Host>,
}

impl Desk {
    fn new(stack: &ControlPlane, pat: &str) -> Result<Self> {
        let host: Arc<dyn Host> = Arc::new(SystemHost::new());
        let airlock = Airlock::new(ClientConfig::new(&stack.url)?.with_pat(pat))?;
        let approver =
            Approver::new(airlock.clone(), ApproverFolder::open(stack.folder().join("approver"))?)?;
        Ok(Self { airlock, approver, host })
    }

    /// Pairs so many enforcers with one approver: what selects the approver for each.
    async fn pair(&self, enforcers: usize) -> Result<Vec<String>> {
        let mut tokens = Vec::new();
        for n in 0..enforcers {
            let request = PairingInitiateRequest {
                device_id: format!("dev-{n}"),
                enforcer_id: enforcer(n),
                enforcer_label: None,
                workspace_name: None,
                gateway_url: None,
                x25519_public_key: Some(AgreementKey::generate(&*self.host).public().to_base64url()),
            };
            let begun = self.airlock.call(&calls::initiate_pairing(&request)).await?;
            let invitation = self.approver.resolve(&begun.pairing_code).await?;
            self.approver.accept(&invitation).await?;
            let status = self.airlock.call(&calls::pairing_status(&begun.pairing_nonce)).await?;
            tokens.push(status.routing_token.ok_or("paired without a routing token")?);
        }
        Ok(tokens)
    }

    /// Questions of all enforcers, sealed: under which names, and how they are asked.
    fn submissions(&self, count: usize, tokens: &[String]) -> Result<(Vec<String>, Vec<Named>)> {
        // The gateway has no key: with which one a payload is sealed is all the same to it.
        let key = ContentKey::from_bytes(&[7; 32]);
        let now = self.host.now();
        let mut named = Vec::new();
        for n in 0..count {
            let of = n % tokens.len();
            let payload = json!({"command": format!("deploy --service shop --version {n}"), "cwd": "/srv/shop", "reason": "x".repeat(200)});
            let canonical = canonical_payload(&payload.to_string())?;
            let (id, hash) = (RequestId::new(&*self.host), artifact_hash(&canonical));
            let ciphertext: EncryptedPayload = key.seal(&*self.host, canonical.as_bytes()).into();
            let metadata = HashMap::from([
                ("routingToken".to_owned(), tokens[of].clone()),
                ("repoName".to_owned(), "shop".to_owned()),
            ]);
            let ends = now.after(Duration::from_secs(3_600)).to_string();
            let submission = Submission {
                request_id: id.as_str(),
                enforcer_id: &enforcer(of),
                artifact_type: "command-approval",
                artifact_hash: hash.as_str(),
                ciphertext: &ciphertext,
                expires_at: Some(&ends),
                metadata: Some(&metadata),
            };
            named.push((id.to_string(), calls::submit(&submission, now, &*self.host).request));
        }
        Ok((named.iter().map(|(id, _)| id.clone()).collect(), named))
    }

    /// A signed answer to everything that waits.
    async fn decisions(&self, count: usize) -> Result<Vec<Named>> {
        let (mut decisions, mut cursor) = (Vec::new(), None);
        loop {
            let page =
                self.airlock.call(&approver_calls::inbox(approver_calls::ME, cursor.as_deref())).await?;
            for waiting in &page.waiting {
                let sign =
                    |keys: &ApproverKeys| keys.sign(Choice::Reject(waiting), Some("read it"), &*self.host);
                let signed = self.approver.with_keys(sign);
                let call = approver_calls::decide(&signed, self.host.now(), &*self.host);
                decisions.push((waiting.request_id().to_string(), call.request));
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if decisions.len() == count {
            Ok(decisions)
        } else {
            Err(format!("{} wait, not {count}", decisions.len()).into())
        }
    }
}

fn enforcer(n: usize) -> String {
    format!("agent-{n}")
}
