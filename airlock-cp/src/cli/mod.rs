//! The command line. stdout has the machine's value and nothing else; words for people go to stderr.

mod app;
mod audit;
mod client;
#[cfg(feature = "dev")]
mod dev;
mod door;
mod error;
mod grant;
mod key;
mod local;
mod org;
mod output;
mod pat;
mod remote;
mod serve;
mod session;
mod span;
mod tenant;
mod user;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use door::Door;
use error::CliError;
use output::Output;

/// Airlock's control plane.
#[derive(Debug, Parser)]
#[command(name = "airlock-cp", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// Print JSON on stdout
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// Talk to a control plane at this URL, with AIRLOCK_CP_OPERATOR_TOKEN, instead of to the store itself
    #[arg(long, global = true, value_name = "URL", help_heading = EVERYWHERE)]
    url: Option<url::Url>,
    #[command(subcommand)]
    command: Command,
}

/// Of options that every command takes: they come last.
const EVERYWHERE: &str = "With every command";

const EXIT_CODES: &str = "Exit codes: 0 done · 1 refused · 2 wrong usage or configuration · 3 not available · 4 the audit log does not verify";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control plane
    Serve,
    /// Tenants: one data plane each, with its workers and keys
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Single-use tokens that let a new worker in
    #[command(subcommand)]
    Enrollment(worker::EnrollmentCommand),
    /// Agents' keys
    #[command(subcommand)]
    ApiKey(key::KeyCommand),
    /// What people of a role reach of a tenant through an OAuth client
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// Programs that prove themselves to the approvals gateway
    #[command(subcommand)]
    App(app::AppCommand),
    /// People's personal access tokens
    #[command(subcommand)]
    Pat(pat::PatCommand),
    /// Workers
    #[command(subcommand)]
    Worker(worker::WorkerCommand),
    /// People
    #[command(subcommand)]
    User(user::UserCommand),
    /// Organizations, their members and invitations
    #[command(subcommand)]
    Org(org::OrgCommand),
    /// Browsers that people are signed in with
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// OAuth clients
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Show the whole passage on a sample database, in this one process; DEMO_ONCE=1 ends it after the answer
    #[cfg(feature = "dev")]
    Dev {
        /// Show the log
        #[arg(long)]
        verbose: bool,
    },
    /// Bring the store to this program's schema
    Migrate,
    /// Tokens for the operator
    #[command(subcommand)]
    Token(TokenCommand),
    /// Copy the SQLite store, whole, while it is in use
    Backup {
        /// The copy; must not exist
        file: PathBuf,
    },
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Print a new operator token; set it as AIRLOCK_CP_OPERATOR_TOKEN
    Generate,
}

/// Reads the arguments, does what they say, and gives the exit code.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    match cli.act(&output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.say(&format!("error: {error}"));
            error.exit_code()
        }
    }
}

impl Cli {
    async fn act(self, output: &Output) -> Result<(), CliError> {
        let config = || Config::from_env().map_err(CliError::from);
        match self.command {
            Command::Serve => serve::serve(config()?, output).await,
            #[cfg(feature = "dev")]
            Command::Dev { verbose } => dev::dev(verbose).await,
            Command::Migrate => local::migrate(&config()?, output).await,
            Command::Backup { file } => local::backup(&config()?, &file, output).await,
            Command::Token(TokenCommand::Generate) => {
                output.value("operator_token", &local::operator_token());
                Ok(())
            }
            Command::Version => {
                let version = env!("CARGO_PKG_VERSION");
                if output.is_json() {
                    output.line(&serde_json::json!({"name": "airlock-cp", "version": version}).to_string());
                } else {
                    output.line(&format!("airlock-cp {version}"));
                }
                Ok(())
            }
            Command::Audit(audit::AuditCommand::Verify(verify)) => audit::verify(&verify, output),
            Command::Tenant(command) => {
                with_door(config()?, self.url, async |door| tenant::run(command, door, output).await).await
            }
            Command::Enrollment(command) => {
                with_door(config()?, self.url, async |door| worker::enrollment(command, door, output).await)
                    .await
            }
            Command::ApiKey(command) => {
                with_door(config()?, self.url, async |door| key::run(command, door, output).await).await
            }
            Command::Grant(command) => {
                with_door(config()?, self.url, async |door| grant::run(command, door, output).await).await
            }
            Command::App(command) => {
                with_door(config()?, self.url, async |door| app::run(command, door, output).await).await
            }
            Command::Pat(command) => {
                with_door(config()?, self.url, async |door| pat::run(command, door, output).await).await
            }
            Command::Worker(command) => {
                with_door(config()?, self.url, async |door| worker::worker(command, door, output).await).await
            }
            Command::User(command) => {
                with_door(config()?, self.url, async |door| user::run(command, door, output).await).await
            }
            Command::Org(command) => {
                with_door(config()?, self.url, async |door| org::run(command, door, output).await).await
            }
            Command::Session(command) => {
                with_door(config()?, self.url, async |door| session::run(command, door, output).await).await
            }
            Command::Client(command) => {
                with_door(config()?, self.url, async |door| client::run(command, door, output).await).await
            }
            Command::Audit(command) => {
                with_door(config()?, self.url, async |door| audit::run(command, door, output).await).await
            }
        }
    }
}

async fn with_door(
    config: Config,
    url: Option<url::Url>,
    work: impl AsyncFnOnce(&Door) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let door = match url {
        Some(url) => Door::remote(url, config)?,
        None => Door::local(config).await?,
    };
    let result = work(&door).await;
    door.close().await;
    result
}
