//! The smallest approver: pairs by code, shows what waits, signs a yes or a no. For docs, tests and terminals.
//!
//! ```sh
//! export AIRLOCK_GATEWAY_URL=http://127.0.0.1:8080 AIRLOCK_PAT=airpat_…
//! cargo run --workspace --example terminal_approver -- pair A3K9X2
//! cargo run --workspace --example terminal_approver            # asks about each request, as it comes
//! cargo run --workspace --example terminal_approver -- --once  # about those that wait now
//! ```
//!
//! Without `AIRLOCK_PAT` it has you sign in, and keeps that sign-in. Its keys are in `.airlock-approver`, or where `AIRLOCK_APPROVER_STATE` says: as worth protecting as an SSH key.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what was said")]
#![expect(clippy::disallowed_methods, reason = "a program of its own: it reads its environment")]

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use airlock_client::approver::{Approver, ApproverFolder, Choice, Inert, Opened, Waiting};
use airlock_client::auth::FileTokenStore;
use airlock_client::{Airlock, ClientConfig};
use airlock_core::approval::RequestId;

/// Characters of one request that are put on the screen.
const SHOWN_CHARS_MAX: usize = 20_000;
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What has to be typed for a yes to something that is not all there.
const BLIND_YES: &str = "yes without seeing";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["pair", code] => pair(code).await,
        [] => answer_all(Until::Ended).await,
        ["--once"] => answer_all(Until::NoneWaits).await,
        _ => {
            eprintln!("usage: terminal_approver [--once | pair CODE]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(1)
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Until {
    Ended,
    NoneWaits,
}

async fn approver() -> Result<Approver, Box<dyn Error>> {
    let state = std::env::var("AIRLOCK_APPROVER_STATE").unwrap_or_else(|_| ".airlock-approver".to_owned());
    let folder = ApproverFolder::open(&state)?;
    let tokens = Arc::new(FileTokenStore::new(folder.path().join("tokens.json")));
    let airlock = Airlock::new(ClientConfig::from_env()?)?;
    let airlock = airlock.on_behalf_of_a_person(tokens, |grant| {
        println!("Sign in at {} with the code {}", grant.verification_uri, grant.user_code);
    });
    Ok(Approver::new(airlock.await?, folder)?)
}

async fn pair(code: &str) -> Result<ExitCode, Box<dyn Error>> {
    let approver = approver().await?;
    let invitation = approver.resolve(code).await?;
    println!("Wants to pair:");
    for (what, text) in invitation.claimed() {
        println!("  {what}: {text}");
    }
    println!("Your fingerprint: {}", approver.fingerprint());
    if !said("Pair? [y/N]")?.is_some_and(|word| is_yes(&word)) {
        approver.refuse(&invitation).await?;
        println!("Not paired.");
        return Ok(ExitCode::from(1));
    }
    approver.accept(&invitation).await?;
    println!("Paired. The other side must show the same fingerprint: {}", approver.fingerprint());
    Ok(ExitCode::SUCCESS)
}

async fn answer_all(until: Until) -> Result<ExitCode, Box<dyn Error>> {
    let approver = approver().await?;
    if until == Until::Ended {
        println!("Waiting for requests; Ctrl-C ends.");
    }
    // Those that were asked about and not answered are not asked about twice.
    let mut passed: Vec<RequestId> = Vec::new();
    loop {
        let inbox = approver.inbox().await?;
        let next = inbox.waiting.iter().rev().find(|waiting| !passed.contains(waiting.request_id()));
        match next {
            Some(waiting) => {
                if answer(&approver, waiting).await? {
                    continue;
                }
                passed.push(waiting.request_id().clone());
            }
            None if until == Until::NoneWaits => return Ok(ExitCode::SUCCESS),
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Asks the person about one request, and sends what they say; false when they say nothing.
async fn answer(approver: &Approver, waiting: &Waiting) -> Result<bool, Box<dyn Error>> {
    let claimed = waiting.claimed();
    println!("\n== {} from {} (as the gateway says)", claimed.artifact_type, claimed.enforcer);
    if let Some(end) = claimed.expires_at {
        println!("   until {end}");
    }
    let opened = match approver.open(waiting) {
        Ok(opened) => opened,
        Err(error) => {
            println!("   {error}");
            let no = said("[n]o, anything else to pass?")?.is_some_and(|word| word == "n");
            return if no { send(approver, Choice::Reject(waiting)).await } else { Ok(false) };
        }
    };
    let shown = opened.shown(SHOWN_CHARS_MAX);
    shown.rows.iter().for_each(|row| println!("{row}"));
    if shown.left_out > 0 {
        println!("   !! {} characters are not shown", shown.left_out);
    }
    println!(
        "   hash: {} ({})",
        Inert::line(waiting.artifact_hash().as_str()),
        if opened.verified().is_some() { "verified" } else { "NOT verifiable" }
    );
    match choice(&opened, shown.left_out)? {
        Some(choice) => send(approver, choice).await,
        None => Ok(false),
    }
}

fn choice<'a>(opened: &'a Opened<'a>, left_out: usize) -> Result<Option<Choice<'a>>, Box<dyn Error>> {
    let seen = opened.verified().filter(|_| left_out == 0);
    let question = match seen {
        Some(_) => "[y]es, [n]o, anything else to pass?".to_owned(),
        None => format!("[n]o, '{BLIND_YES}', anything else to pass?"),
    };
    Ok(match (said(&question)?.as_deref(), seen) {
        (Some("n" | "no"), _) => Some(Choice::Reject(opened.waiting())),
        (Some(word), Some(yes)) if is_yes(word) => Some(Choice::Approve(yes)),
        (Some(BLIND_YES), None) => Some(Choice::Approve(opened.dangerous_unverified())),
        _ => None,
    })
}

async fn send(approver: &Approver, choice: Choice<'_>) -> Result<bool, Box<dyn Error>> {
    match approver.decide(choice, Some("at the terminal")).await {
        Ok(()) => println!("   sent"),
        // Decided elsewhere, withdrawn or expired meanwhile: nothing is left to do about it.
        Err(error) if error.refusal().is_some_and(|refusal| refusal.is_conflict()) => {
            println!("   too late: {error}")
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

/// What the person types, without its spaces; `None` when there is nobody.
fn said(question: &str) -> Result<Option<String>, std::io::Error> {
    print!("{question} ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim().to_lowercase()))
}

fn is_yes(word: &str) -> bool {
    word == "y" || word == "yes"
}
