//! The command line of the binary `airlock`: arguments in, an exit code out. The only place that prints.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where the worker talks to a terminal"
)]

mod args;
mod doctor;
mod init;
mod log;
mod mask_key;
mod secrets;
mod up;
mod yaml;

use std::process::ExitCode;
use std::sync::Arc;

use airlock_core::runtime::SystemHost;
use clap::Parser as _;

use crate::config::{Environment, Flags, Settings};
use crate::error::WorkerError;
use crate::protect::protect_process;
use crate::register::register;
use crate::rotate::rotate;
use args::{Args, Command, MaskKeyCommand, YamlCommand};

/// Parses the arguments, runs the command, and maps its error to an exit code.
pub fn main() -> ExitCode {
    let mut args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help goes to standard output and is no failure; the rest is usage.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    secrets::hide(&mut args);
    match start(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(mut args: Args) -> Result<ExitCode, WorkerError> {
    protect_process().map_err(|error| WorkerError::System { doing: "protecting this process", error })?;
    let given = secrets::take(&mut args)?;
    let flags = Flags {
        config: args.global.config.clone(),
        database_url: given.database_url,
        enrollment_token: given.token,
        cp_url: args.command.cp_url(),
    };
    let settings = Settings::read(&Environment::of_process(), flags)?;
    log::start(&args.global, settings.log.as_deref())?;
    for warning in given.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| WorkerError::System { doing: "starting the runtime", error })?;
    let [source, control_plane] = places(&settings);
    runtime.block_on(run(args.command, settings)).or_else(|error| {
        eprintln!("error: {error}");
        let place = match error.exit_code() {
            3 => source,
            4 => control_plane,
            _ => None,
        };
        if let Some(place) = place {
            eprintln!("hint: {place}");
        }
        Ok(ExitCode::from(error.exit_code()))
    })
}

/// Where the source and the control plane are looked for, for who cannot reach them: exit codes 3 and 4. No password.
fn places(settings: &Settings) -> [Option<String>; 2] {
    let source = settings.database_url.as_ref().and_then(|url| {
        let url = url::Url::parse(url.expose()).ok()?;
        let (host, port) = (url.host_str()?, url.port().unwrap_or(5432));
        let (role, database) = (url.username(), url.path().trim_start_matches('/'));
        Some(format!("DATABASE_URL names the database `{database}` on {host}:{port}, as the role `{role}`"))
    });
    let cp = settings.cp_url.as_ref().map(|url| format!("the control plane's URL is {url}"));
    [source, cp]
}

async fn run(command: Command, settings: Settings) -> Result<ExitCode, WorkerError> {
    let host = Arc::new(SystemHost::new());
    match command {
        Command::Up(up) => up::up(&settings, &up, host).await,
        Command::Run => up::run(&settings, host).await,
        Command::Init(init) => init::init(&settings, &init).await,
        Command::Register(args) if args.rotate => {
            rotate(&settings, &*host).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Register(args) => {
            register(&settings, args.cp_fingerprint, &*host).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Yaml(YamlCommand::Lint(lint)) => yaml::lint(&settings, &lint).await,
        Command::Yaml(YamlCommand::Preview(preview)) => yaml::preview(&settings, &preview, host).await,
        Command::MaskKey(MaskKeyCommand::Init) => mask_key::init(&settings, &*host),
        Command::MaskKey(MaskKeyCommand::Fingerprint) => mask_key::fingerprint(&settings, &*host),
        Command::Doctor => doctor::doctor(&settings).await,
        Command::Version { json } => {
            let version = env!("CARGO_PKG_VERSION");
            match json {
                true => println!("{}", serde_json::json!({"name": "airlock", "version": version})),
                false => println!("airlock {version}"),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
