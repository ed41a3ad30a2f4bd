//! `airlock-approve`, the approver in a terminal. stdout has the machine's value and nothing else; what is shown and asked goes to
//! stderr. It prints no colours: an escape sequence on the screen would be somebody else's.

mod account;
mod decide;
mod desk;
mod dnd;
mod error;
mod history;
mod inbox;
mod menu;
mod output;
mod pair;
mod person;
mod request;
mod sign_in;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use airlock_proto::gateway::paths;
use clap::{Parser, Subcommand};

use desk::Desk;
use error::CliError;
use output::Output;

/// Approve or reject, in a terminal, what agents ask before they act.
#[derive(Debug, Parser)]
#[command(name = "airlock-approve", version, after_help = AFTER, color = clap::ColorChoice::Never)]
struct Cli {
    /// Print JSON on stdout
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// The gateway's address
    #[arg(long, global = true, value_name = "URL", env = "AIRLOCK_GATEWAY_URL", hide_env_values = true, help_heading = EVERYWHERE)]
    gateway: Option<String>,
    /// The folder with this device's keys and sign-in; ~/.local/state/airlock-approve when absent. As worth protecting as an SSH key
    #[arg(long, global = true, value_name = "FOLDER", env = "AIRLOCK_APPROVER_STATE", hide_env_values = true, help_heading = EVERYWHERE)]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Of options that every command takes: they come last.
const EVERYWHERE: &str = "With every command";

const AFTER: &str = "Without a command: watch. Whoever has a personal access token sets AIRLOCK_PAT, or AIRLOCK_PAT_FILE, and need not sign in.
One program at a time uses a folder.

Exit codes: 0 done · 1 refused, or not done · 2 wrong usage or configuration · 3 not available";

#[derive(Debug, Subcommand)]
enum Command {
    /// Sign in with a code, in a browser anywhere
    SignIn,
    /// End the sign-in; keys and pairings stay
    SignOut,
    /// Pair with an agent; prints the pairing's nonce
    Pair {
        /// The code that the agent shows; when absent, a code is made for the agent to be given
        code: Option<String>,
        /// What the code is for, for your own list
        #[arg(long, conflicts_with = "code")]
        label: Option<String>,
    },
    /// List the pairings whose keys are here
    Pairings,
    /// End a pairing: what waits is cancelled, its key forgotten
    Unpair {
        /// The pairing's nonce, as `pairings` lists it
        nonce: String,
    },
    /// List what waits
    Inbox,
    /// List what waited: decided, expired, withdrawn, cancelled; newest first
    History {
        /// Go on from here, as the page before said
        #[arg(long, value_name = "CURSOR")]
        before: Option<String>,
        /// Of one page
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
        /// All pages from there on
        #[arg(long)]
        all: bool,
    },
    /// Show each request as it comes, and ask; Ctrl-C leaves
    Watch,
    /// Show a request, ask, and approve it
    Approve {
        /// The request's id, as `inbox` lists it
        id: String,
        /// Do not ask. Approves only what was shown whole and whose hash fits
        #[arg(long)]
        yes: bool,
        /// Told to the agent; nothing signs it
        #[arg(long)]
        reason: Option<String>,
    },
    /// Reject a request, without a question
    Reject {
        /// The request's id, as `inbox` lists it
        id: String,
        /// Told to the agent; nothing signs it
        #[arg(long)]
        reason: Option<String>,
    },
    /// Decide in advance, for a time (do not disturb); without a word more: list what stands
    Dnd {
        #[command(subcommand)]
        command: Option<dnd::DndCommand>,
    },
    /// List the person's devices, by the keys that sign
    Devices,
    /// Take a device back: its pairings end, and no decision of its key counts any more
    RevokeDevice {
        /// The key's id, as `devices` lists it
        key: String,
    },
    /// List what you said about apps
    Consents,
    /// Let an app ask in your name; takes a personal access token
    Allow {
        /// The app's id, as `consents` lists it
        app: String,
    },
    /// Do not let an app ask in your name; takes a personal access token
    Deny {
        /// The app's id, as `consents` lists it
        app: String,
    },
}

/// Reads the arguments, does what they say, and gives the exit code.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    match cli.act(output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.say(&format!("error: {error}"));
            if let Some(what) = error.advice() {
                output.say(what);
            }
            error.exit_code()
        }
    }
}

impl Cli {
    async fn act(self, output: Output) -> Result<(), CliError> {
        let mut desk = Desk::open(self.gateway.as_deref(), self.state, output)?;
        match self.command.unwrap_or(Command::Watch) {
            Command::SignIn => sign_in::sign_in(&desk).await,
            Command::SignOut => sign_in::sign_out(&desk).await,
            Command::Pair { code: Some(code), .. } => pair::by_their_code(&code, &mut desk).await,
            Command::Pair { code: None, label } => pair::by_own_code(label.as_deref(), &mut desk).await,
            Command::Pairings => pair::list(&mut desk),
            Command::Unpair { nonce } => pair::unpair(&nonce, &mut desk).await,
            Command::Inbox => inbox::inbox(&mut desk).await,
            Command::History { before, limit, all } => {
                history::history(before.as_deref(), limit, all, &mut desk).await
            }
            Command::Dnd { command } => dnd::dnd(command.unwrap_or(dnd::DndCommand::Show), &mut desk).await,
            Command::Watch => watch::watch(&mut desk).await,
            Command::Approve { id, yes, reason } => {
                decide::approve(&id, yes, reason.as_deref(), &mut desk).await
            }
            Command::Reject { id, reason } => decide::reject(&id, reason.as_deref(), &mut desk).await,
            Command::Devices => account::devices(&mut desk).await,
            Command::RevokeDevice { key } => account::revoke_device(&key, &mut desk).await,
            Command::Consents => account::consents(&mut desk).await,
            Command::Allow { app } => account::consent(&app, paths::CONSENT_ALLOW, &mut desk).await,
            Command::Deny { app } => account::consent(&app, paths::CONSENT_DENY, &mut desk).await,
        }
    }
}
