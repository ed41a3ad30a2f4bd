//! What every command works with: the folder, the gateway, the approver, whoever types.

use std::path::PathBuf;
use std::sync::Arc;

use airlock_core::Timestamp;

use super::error::CliError;
use super::output::Output;
use super::person::Person;
use crate::approver::{Approver, ApproverFolder, InboxPage, Waiting};
use crate::auth::{FileTokenStore, Session};
use crate::client::Airlock;
use crate::config::ClientConfig;
use crate::error::ClientError;

const TOKENS: &str = "tokens.json";

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) output: Output,
    pub(super) airlock: Airlock,
    /// Whether the environment names the person: then nobody signs in.
    pub(super) is_named: bool,
    folder: Option<ApproverFolder>,
    person: Option<Person>,
}

impl Desk {
    /// Reads the configuration and takes the folder.
    pub(super) fn open(
        gateway: Option<&str>,
        state: Option<PathBuf>,
        output: Output,
    ) -> Result<Self, CliError> {
        let config = ClientConfig::from_env_at(gateway)?;
        let is_named = config.names_a_person();
        let own = || std::env::home_dir().map(|home| home.join(".local/state/airlock-approve"));
        let state = state.filter(|path| !path.as_os_str().is_empty()).or_else(own);
        let state = state.ok_or(CliError::Usage("there is no home folder; say --state"))?;
        let folder = ApproverFolder::open(state)?;
        let airlock = Airlock::new(config)?;
        Ok(Self { output, airlock, is_named, folder: Some(folder), person: None })
    }

    pub(super) fn tokens(&self) -> Result<Arc<FileTokenStore>, CliError> {
        let folder = self.folder.as_ref().ok_or(CliError::Usage("the folder is in use"))?;
        Ok(Arc::new(FileTokenStore::new(folder.path().join(TOKENS))))
    }

    /// The gateway, on behalf of whom the environment names or who signed in.
    pub(super) async fn signed_in(&mut self) -> Result<&Airlock, CliError> {
        if !self.is_named {
            let session = Session::restore(self.airlock.identity_provider().await?, self.tokens()?)?;
            if !session.is_signed_in().await {
                return Err(CliError::NotDone("nobody is signed in: run `airlock-approve sign-in`"));
            }
            self.airlock = self.airlock.signed_in(Arc::new(session));
        }
        Ok(&self.airlock)
    }

    /// The approver there.
    pub(super) async fn approver(&mut self) -> Result<Approver, CliError> {
        self.signed_in().await?;
        self.approver_offline()
    }

    /// The approver for what needs no gateway.
    pub(super) fn approver_offline(&mut self) -> Result<Approver, CliError> {
        let folder = self.folder.take().ok_or(CliError::Usage("the folder is in use"))?;
        Ok(Approver::new(self.airlock.clone(), folder)?)
    }

    pub(super) fn person(&mut self) -> &mut Person {
        let output = self.output;
        self.person.get_or_insert_with(|| Person::listen(output))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.airlock.host().now()
    }
}

/// The request of this id.
pub(super) fn find<'a>(inbox: &'a InboxPage, id: &str) -> Result<&'a Waiting, CliError> {
    let found = inbox.waiting.iter().find(|waiting| waiting.request_id().as_str() == id);
    found.ok_or(CliError::NotDone("no request of this id waits: it was answered, withdrawn, or expired"))
}

/// Whether the gateway says that it is over: answered elsewhere, withdrawn or expired.
pub(super) fn is_over(error: &ClientError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.is_conflict() || refusal.is_expired())
}
