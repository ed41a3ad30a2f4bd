//! `airlock yaml`: what is wrong with a policy, and what one subject's snapshot would be.

mod explain;
mod preview;

use std::process::ExitCode;

use airlock_core::policy::{self, Finding, Findings, FindingsFormat, Level, LintCode, Policy};
use airlock_core::query::check_samples;
use airlock_core::snapshot::{Catalog, SourceError};

use super::args::Lint;
use crate::config::Settings;
use crate::error::WorkerError;
use crate::open_source::OpenSource;

pub(super) use preview::preview;

/// Tells every finding. 0 clean, 1 warnings that were denied, 2 errors, 3 source unreachable.
pub(super) async fn lint(settings: &Settings, args: &Lint) -> Result<ExitCode, WorkerError> {
    let format: FindingsFormat =
        args.format.parse().map_err(|_| WorkerError::Missing("--format is text, json, sarif or github"))?;
    let yaml = settings.policy_text()?;
    let (findings, unreachable) = match Policy::parse(&yaml) {
        Err(findings) => (findings, None),
        Ok(policy) => match catalog(settings, args, &policy).await {
            Ok(seen) => (seen.findings(&policy), None),
            Err(error) => (Seen::default().findings(&policy), Some(error)),
        },
    };
    let findings = findings.locate(&yaml);
    print!("{}", findings.render(format, &settings.config_path.display().to_string()));
    if matches!(format, FindingsFormat::Text) {
        let (errors, warnings) = (findings.count(Level::Error), findings.count(Level::Warning));
        let of = if args.offline || unreachable.is_some() { " (of the file alone)" } else { "" };
        eprintln!("{}: errors {errors}, warnings {warnings}{of}", settings.config_path.display());
    }
    if findings.count(Level::Error) > 0 {
        return Ok(ExitCode::from(2));
    }
    if let Some(error) = unreachable {
        return Err(error);
    }
    Ok(ExitCode::from(u8::from(args.deny_warnings && findings.count(Level::Warning) > 0)))
}

/// What a look at the source told.
#[derive(Default)]
struct Seen {
    catalog: Option<Catalog>,
    /// Why a worker would not start with this role.
    role: Option<String>,
}

impl Seen {
    fn findings(self, policy: &Policy) -> Findings {
        let role = self.role.map(|why| Finding::new(LintCode::E301, "source", why));
        let plan = self.catalog.as_ref().and_then(|catalog| policy::bind(policy, catalog).ok());
        let samples = plan.map(|plan| check_samples(policy, &plan)).unwrap_or_default();
        let of_policy = policy::lint(policy, self.catalog.as_ref());
        role.into_iter().chain(samples).chain(of_policy).collect::<Vec<_>>().into()
    }
}

/// The source's catalog; nothing when it is not to be asked.
async fn catalog(settings: &Settings, args: &Lint, policy: &Policy) -> Result<Seen, WorkerError> {
    if args.offline {
        return Ok(Seen::default());
    }
    let url = settings.database_url.as_ref();
    let url = url.ok_or(WorkerError::Missing(
        "no source: set DATABASE_URL, or look at the file only with --offline",
    ))?;
    let open = OpenSource::for_policy(policy);
    let (source, role) = match open.open(url).await {
        // What is not the role's fault, such as a primary where a standby is demanded, is refused here as well.
        Err(SourceError::Unsafe(why)) => (open.with_any_role().open(url).await?, Some(why)),
        opened => (opened?, None),
    };
    Ok(Seen { catalog: Some(source.catalog().await?), role })
}
