//! A command that runs only when a person said so: pairs once, asks each time, acts on nothing that the person did not sign.
//!
//! ```sh
//! export AIRLOCK_GATEWAY_URL=http://127.0.0.1:8080 AIRLOCK_PAT=airpat_…
//! cargo run --workspace --example ask_approval -- rm -r build
//! ```
//!
//! Without `AIRLOCK_PAT` it has you sign in, and keeps that sign-in. The first run shows a code to type at the approver (the
//! console, or the example `terminal_approver`). What is kept is in `.airlock-agent`, or where `AIRLOCK_AGENT_STATE` says.
//!
//! Exits as the command does; with 1 when the person said no, with 3 when there is no answer that could be believed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what was said")]
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own: it reads its environment and starts a command"
)]

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airlock_client::approvals::{Approvals, Enforcer, Pairing, RemoteGate, StateFolder};
use airlock_client::auth::FileTokenStore;
use airlock_client::{Airlock, ClientConfig};
use airlock_core::approval::{ApprovalGate, Ask, Believed};
use serde_json::json;

/// How long the person has.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).skip_while(|arg| arg == "--").collect();
    let [program, arguments @ ..] = command.as_slice() else {
        eprintln!("usage: ask_approval COMMAND [ARGUMENT…]");
        return ExitCode::from(2);
    };
    match approved(&command).await {
        Ok(Some(decision)) if decision.is_approved() => {
            println!("Approved: {}", why(&decision));
            let status = Command::new(program).args(arguments).status();
            let code = status.ok().and_then(|status| status.code());
            ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
        Ok(Some(decision)) => {
            println!("Rejected: {}", why(&decision));
            ExitCode::from(1)
        }
        Ok(None) => {
            println!("Not approved: nobody decided in time; the question was taken back");
            ExitCode::from(3)
        }
        // Whatever went wrong, it is no yes.
        Err(error) => {
            println!("Not approved: {error}");
            ExitCode::from(3)
        }
    }
}

/// Asks about a command, and waits.
async fn approved(command: &[String]) -> Result<Option<Believed>, Box<dyn Error>> {
    let state = std::env::var("AIRLOCK_AGENT_STATE").unwrap_or_else(|_| ".airlock-agent".to_owned());
    let folder = StateFolder::open(&state)?;
    // By AIRLOCK_PAT; else by the sign-in that is kept, or a new one.
    let tokens = Arc::new(FileTokenStore::new(Path::new(&state).join("tokens.json")));
    let airlock = Airlock::new(ClientConfig::from_env()?)?;
    let airlock = airlock.on_behalf_of_a_person(tokens, |grant| {
        println!("Sign in at {} with the code {}", grant.verification_uri, grant.user_code);
    });
    let airlock = airlock.await?;
    let approvals = airlock.approvals(Enforcer::new("ask-approval".parse()?).with_label("ask_approval.rs"));
    let pairing = pairing(&approvals, &folder).await?;

    let gate = RemoteGate::new(approvals, pairing, folder)?;
    // Something of its own in each: a yes is then about this request, and not about an equal one.
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let payload = json!({
        "command": command.join(" "),
        "argv": command,
        "folder": std::env::current_dir()?.display().to_string(),
        "at_unix_ms": u64::try_from(at)?,
    });
    let request =
        gate.submit(Ask { ttl: Some(PATIENCE), ..Ask::new("command-approval".parse()?, payload) }).await?;
    println!("Asked. Waiting for the approver.");
    let decision = gate.wait(&request, PATIENCE).await?;
    if decision.is_none() {
        let _ = gate.withdraw(&request).await;
    }
    Ok(decision)
}

/// The pairing that is kept, or a new one.
async fn pairing(approvals: &Approvals, folder: &StateFolder) -> Result<Pairing, Box<dyn Error>> {
    if let Some(pairing) = folder.pairing()? {
        return Ok(pairing);
    }
    let begun = approvals.pair().await?;
    println!("Type this code at your approver: {}", begun.code());
    let pairing = begun.completed(approvals).await?;
    println!("Paired. Your approver must show this fingerprint: {}", pairing.fingerprint());
    folder.keep_pairing(&pairing)?;
    Ok(pairing)
}

/// The person's words. Nothing signs them: they are shown, and steer nothing.
fn why(decision: &Believed) -> String {
    let reason = decision.unverified_reason().unwrap_or("no reason given");
    airlock_client::approver::Inert::line(reason).to_string()
}
