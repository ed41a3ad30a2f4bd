//! What the person set up, in a file that only they can read.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use airlock_client::ClientConfig;
use airlock_client::approvals::Enforcer;
use serde::{Deserialize, Serialize};

/// Where the gateway is and who asks there. Not printed: two members are secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) gateway: String,
    pub(crate) enforcer: String,
    pub(crate) label: String,
    pub(crate) workspace: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// A personal access token, where the person typed one instead of signing in.
    pub(crate) pat: String,
}

impl Settings {
    /// What stands in the form at first.
    pub(crate) fn proposed() -> Self {
        Self {
            gateway: "http://127.0.0.1:8080".to_owned(),
            enforcer: "test-enforcer".to_owned(),
            label: "Test enforcer".to_owned(),
            workspace: "playground".to_owned(),
            ..Self::default()
        }
    }

    /// The file's; `None` when there is none, or none that can be read.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Writes the file beside its place and moves it there, so that a crash leaves the old one.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        let _ = fs::remove_file(&beside);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&beside)?.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(beside, path)
    }

    /// For the client.
    pub(crate) fn config(&self) -> Result<ClientConfig, String> {
        let mut config = ClientConfig::new(&self.gateway).map_err(|error| error.to_string())?;
        if !self.pat.is_empty() {
            config = config.with_pat(&self.pat);
        }
        if !self.client_id.is_empty() {
            config = config.with_app(&self.client_id, &self.client_secret);
        }
        Ok(config)
    }

    /// Who asks.
    pub(crate) fn enforcer(&self) -> Result<Enforcer, String> {
        let id =
            self.enforcer.parse().map_err(|_| "the enforcer's id: some text without control characters")?;
        let mut enforcer = Enforcer::new(id);
        if !self.label.is_empty() {
            enforcer = enforcer.with_label(&self.label);
        }
        if !self.workspace.is_empty() {
            enforcer = enforcer.with_workspace(&self.workspace);
        }
        Ok(enforcer)
    }

    /// The first thing that is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.config()?;
        self.enforcer()?;
        if self.client_id.is_empty() != self.client_secret.is_empty() {
            return Err("an app has an id and a secret; leave both empty to ask as yourself".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_saved_is_loaded_and_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        assert!(Settings::load(&path).is_none());
        let settings = Settings { pat: "airpat_x".to_owned(), ..Settings::proposed() };
        settings.save(&path).unwrap();
        settings.save(&path).unwrap();
        assert!(Settings::load(&path).unwrap() == settings);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "{\"gateway\":1}").unwrap();
        assert!(Settings::load(&path).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_is_sent() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::proposed();
            change(&mut settings);
            settings.check().err().unwrap_or_default()
        };
        assert_eq!(with(|_| {}), "");
        assert!(with(|s| s.gateway = "http://gw.example.com".to_owned()).contains("https"));
        assert!(with(|s| s.gateway = String::new()).contains("not a URL"));
        assert!(with(|s| s.enforcer = String::new()).contains("enforcer"));
        assert!(with(|s| s.client_id = "c".to_owned()).contains("secret"));
    }
}
