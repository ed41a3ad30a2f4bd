//! What may be written on the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// One safe passage between AI agents and your database: the worker that stands beside it.
#[derive(Debug, Parser)]
#[command(name = "airlock", version, disable_help_subcommand = true, max_term_width = 100)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Of options that every command takes: they come last.
const EVERYWHERE: &str = "With every command";

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Global {
    /// airlock.yaml; by default AIRLOCK_CONFIG, /etc/airlock/airlock.yaml, ./airlock.yaml
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// How log lines are written: as text, or as one JSON object each
    #[arg(long, global = true, help_heading = EVERYWHERE, value_enum, default_value_t)]
    pub(super) log_format: LogFormat,
    /// What is logged: error, warn, info, debug, or by module; by default AIRLOCK_LOG, info
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// No colours (log lines never have any)
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(super) no_color: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write airlock.yaml if it is missing, register, then run in the foreground
    Up(Up),
    /// Write airlock.yaml from the database's schema, with masks inferred
    Init(Init),
    /// Enroll with a control plane and write the control_plane block
    Register(Register),
    /// Run with an existing identity; containers: `up` from the environment
    Run,
    /// Check airlock.yaml, or see what it gives
    #[command(subcommand)]
    Yaml(YamlCommand),
    /// The root of all mask keys
    #[command(subcommand)]
    MaskKey(MaskKeyCommand),
    /// Check what the worker needs on this host
    Doctor,
    /// Print the version
    Version {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) fn cp_url(&self) -> Option<String> {
        match self {
            Self::Up(up) => up.cp.clone(),
            Self::Register(register) => register.cp_url.clone(),
            _ => None,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct Up {
    /// Enrollment token; `-` reads it from standard input; better: AIRLOCK_ENROLLMENT_TOKEN
    #[arg(long)]
    pub(super) token: Option<String>,
    /// Control plane, https://…; or AIRLOCK_CP_URL
    #[arg(long, value_name = "URL")]
    pub(super) cp: Option<String>,
    /// Source database; better: DATABASE_URL or AIRLOCK_DATABASE_URL_FILE
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
    #[command(flatten)]
    pub(super) root: Root,
}

/// Whose one row is one snapshot.
#[derive(Debug, ClapArgs)]
pub(super) struct Root {
    /// Table whose one row is one snapshot
    #[arg(long, default_value = "users", value_name = "TABLE")]
    pub(super) root_table: String,
    /// Its column that the snapshot id is compared to
    #[arg(long, default_value = "id", value_name = "COLUMN")]
    pub(super) root_filter_col: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Init {
    #[command(flatten)]
    pub(super) root: Root,
    /// Where to write; by default --config; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Source database; better: DATABASE_URL or AIRLOCK_DATABASE_URL_FILE
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Print the SQL that makes a role with just enough rights, instead of writing
    #[arg(long)]
    pub(super) print_grants: bool,
    /// With --print-grants: the role's name
    #[arg(long, default_value = "airlock_reader")]
    pub(super) role: String,
    /// Overwrite a file that is there
    #[arg(long)]
    pub(super) force: bool,
    /// Infer masks from names only (values are not sampled in this version)
    #[arg(long)]
    pub(super) no_sample: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Register {
    /// Control plane, https://…; or AIRLOCK_CP_URL
    #[arg(long, value_name = "URL")]
    pub(super) cp_url: Option<String>,
    /// Enrollment token; `-` reads it from standard input; better: AIRLOCK_ENROLLMENT_TOKEN
    #[arg(long, visible_alias = "token", value_name = "TOKEN")]
    pub(super) enrollment_token: Option<String>,
    /// Fingerprint of the control plane's key, sha256:…, as its operator reads it out
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) cp_fingerprint: Option<String>,
    /// Give a registered worker a new key, with the key that it has; no token is needed
    #[arg(long, conflicts_with_all = ["cp_url", "enrollment_token", "cp_fingerprint"])]
    pub(super) rotate: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum YamlCommand {
    /// Tell every problem: 0 clean, 1 warnings with --deny-warnings, 2 errors, 3 database unreachable
    Lint(Lint),
    /// Export one subject and show its masked shape; raw values are never shown
    Preview(Preview),
}

#[derive(Debug, ClapArgs)]
pub(super) struct Lint {
    /// text, json, sarif or github
    #[arg(long, default_value = "text")]
    pub(super) format: String,
    /// Look at the file only
    #[arg(long)]
    pub(super) offline: bool,
    /// Warnings fail, with exit code 1
    #[arg(long)]
    pub(super) deny_warnings: bool,
    /// Source database; better: DATABASE_URL or AIRLOCK_DATABASE_URL_FILE
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Preview {
    /// The snapshot id
    #[arg(long, value_name = "ID")]
    pub(super) subject: String,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Also how each table's rows are found: the statement, with placeholders for values, and its plan
    #[arg(long)]
    pub(super) explain: bool,
    /// Source database; better: DATABASE_URL or AIRLOCK_DATABASE_URL_FILE
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum MaskKeyCommand {
    /// Make the key; refuses when there is one
    Init,
    /// Tell the key's fingerprint: workers with the same one mask alike
    Fingerprint,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn help_reads_as_reviewed() {
        let mut command = Args::command().term_width(100);
        command.build();
        let mut pages = String::new();
        let mut queue = vec![command];
        while let Some(mut command) = queue.pop() {
            queue.extend(command.get_subcommands().cloned().collect::<Vec<_>>().into_iter().rev());
            let name = command.get_bin_name().unwrap_or("airlock").to_owned();
            pages += &format!("### {name}\n\n{}\n", command.render_help());
        }
        insta::assert_snapshot!(pages);
    }

    #[track_caller]
    fn check(line: &str, accepted: bool) {
        assert_eq!(Args::try_parse_from(line.split(' ')).is_ok(), accepted, "{line}");
    }

    #[test]
    fn the_documented_commands_parse() {
        check(
            "airlock up --token=enroll_x --cp=https://cp --database-url=postgres://h/d --config=a.yaml --root-table=users --root-filter-col=external_id",
            true,
        );
        check("airlock init --root-table=users --root-filter-col=external_id --output=airlock.yaml", true);
        check("airlock register --cp-url=https://cp --enrollment-token=enroll_x --config=a.yaml", true);
        check("airlock yaml lint --config=a.yaml", true);
        check("airlock yaml preview --config=a.yaml --subject=u_42", true);
        check("airlock run --config a.yaml --log-format json --log-level debug --no-color", true);
        check("airlock yaml preview", false);
        check("airlock nonsense", false);
    }
}
