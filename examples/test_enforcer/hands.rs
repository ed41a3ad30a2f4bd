//! Does what the model wants done, with the SDK; each thing in a task of its own, and what came of it goes back as a message.

use std::path::PathBuf;
use std::sync::Arc;

use airlock_client::Airlock;
use airlock_client::approvals::{Approvals, Pairing, RemoteGate, StateFolder};
use airlock_client::auth::{FileTokenStore, Session};
use airlock_core::approval::ApprovalGate as _;
use airlock_core::runtime::SystemHost;
use airlock_core::{Host as _, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::errands::{self, Done, Outcome};
use crate::model::{Effect, Msg};
use crate::settings::Settings;
use crate::trouble::Trouble;

/// Messages that are not drawn yet.
const NEWS_MAX: usize = 64;

/// The SDK's values, and what is under way.
pub(crate) struct Hands {
    folder: PathBuf,
    /// One gateway's: tokens and pairings are for the one that made them.
    place: PathBuf,
    clock: SystemHost,
    airlock: Option<Airlock>,
    approvals: Option<Approvals>,
    state: Option<StateFolder>,
    gate: Option<Arc<RemoteGate>>,
    /// Made, and not compared yet.
    answered: Option<Pairing>,
    work: JoinSet<Done>,
    /// The step that a person may give up.
    step: Option<AbortHandle>,
    tell: mpsc::Sender<Msg>,
    told: mpsc::Receiver<Msg>,
}

impl Hands {
    pub(crate) fn new(folder: PathBuf) -> Self {
        let (tell, told) = mpsc::channel(NEWS_MAX);
        Self {
            place: folder.clone(),
            folder,
            clock: SystemHost::new(),
            airlock: None,
            approvals: None,
            state: None,
            gate: None,
            answered: None,
            work: JoinSet::new(),
            step: None,
            tell,
            told,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn settings_file(&self) -> PathBuf {
        self.folder.join("settings.json")
    }
    pub(crate) fn settings(&self) -> Option<Settings> {
        Settings::load(&self.settings_file())
    }

    /// The next thing that happened. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Msg {
        loop {
            tokio::select! {
                Some(msg) = self.told.recv() => return msg,
                Some(done) = self.work.join_next() => {
                    let done = match done {
                        Ok(done) => done,
                        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                        Err(_) => Done::Over,
                    };
                    if let Some(msg) = self.take(done) {
                        return msg;
                    }
                }
            }
        }
    }

    fn take(&mut self, done: Done) -> Option<Msg> {
        match done {
            Done::Over => None,
            Done::Said(msg) => Some(msg),
            Done::Connected(airlock, is_signed_in) => {
                self.on_behalf_of(airlock);
                Some(Msg::Connected { is_signed_in })
            }
            Done::SignedIn(airlock) => {
                self.on_behalf_of(airlock);
                Some(Msg::SignedIn)
            }
            Done::Answered(pairing) => {
                let fingerprint = pairing.fingerprint();
                self.answered = Some(pairing);
                Some(Msg::Answered { fingerprint })
            }
        }
    }

    fn on_behalf_of(&mut self, airlock: Airlock) {
        if let Some(approvals) = &self.approvals {
            self.approvals = Some(airlock.approvals(approvals.enforcer().clone()));
        }
        self.airlock = Some(airlock);
    }

    /// Begins one thing. What cannot even be begun is told.
    pub(crate) async fn perform(&mut self, effect: Effect) {
        if let Err(trouble) = self.begin(effect).await {
            self.work.spawn(async { Done::Said(Msg::Failed(trouble)) });
        }
    }

    async fn begin(&mut self, effect: Effect) -> Result<(), Trouble> {
        match effect {
            Effect::Save(settings) => self.save(&settings)?,
            Effect::Connect(settings) => self.connect(settings).await?,
            Effect::SignIn(way) => {
                let (airlock, store, tell) = (self.airlock()?, self.tokens(), self.tell.clone());
                self.step(
                    async move { Ok(Done::SignedIn(errands::sign_in(airlock, store, way, tell).await?)) },
                );
            }
            Effect::CheckConsent => {
                let (approvals, tell) = (self.approvals()?, self.tell.clone());
                self.step(errands::consent(approvals, tell));
            }
            Effect::LookForPairing => self.look_for_pairing().await?,
            Effect::Pair => {
                let (approvals, tell) = (self.approvals()?, self.tell.clone());
                self.step(async move {
                    let begun = approvals.pair().await?;
                    errands::answered(begun, approvals, tell).await
                });
            }
            Effect::Claim(code) => {
                let (approvals, tell) = (self.approvals()?, self.tell.clone());
                self.step(async move {
                    let begun = approvals.claim(&code).await?;
                    errands::answered(begun, approvals, tell).await
                });
            }
            Effect::Keep => {
                if let Some(pairing) = self.answered.take() {
                    self.state()?.keep_pairing(&pairing)?;
                }
                self.look_for_pairing().await?;
            }
            Effect::Refuse => {
                if let Some(pairing) = self.answered.take() {
                    let approvals = self.approvals()?;
                    self.step(errands::revoke(pairing, approvals));
                }
            }
            Effect::Ask { local, ask } => {
                let (gate, tell, now) = (self.gate()?, self.tell.clone(), self.now());
                self.work.spawn(errands::ask_and_wait(gate, local, ask, now, tell));
            }
            Effect::Withdraw(request) => {
                let gate = self.gate()?;
                self.work.spawn(async move {
                    match gate.withdraw(&request).await {
                        Ok(()) => Done::Said(Msg::Withdrawn(request)),
                        Err(error) => Done::Said(Msg::Failed(error.into())),
                    }
                });
            }
            Effect::Unpair => {
                let (gate, approvals) = (self.gate()?, self.approvals()?);
                let pairing = gate.pairing().clone();
                self.step(errands::revoke(pairing, approvals));
            }
            Effect::Forget => {
                self.leave().await;
                self.state()?.forget_pairing()?;
            }
            Effect::SignOut => self.sign_out().await?,
            Effect::GiveUp => self.give_up(),
        }
        Ok(())
    }

    /// Whoever begins another step gives up the one before.
    fn step(&mut self, step: impl Future<Output = Outcome> + Send + 'static) {
        self.give_up();
        let work = async { step.await.unwrap_or_else(|trouble| Done::Said(Msg::Failed(trouble))) };
        self.step = Some(self.work.spawn(work));
    }
    fn give_up(&mut self) {
        if let Some(step) = self.step.take() {
            step.abort();
        }
    }

    /// Ends all that is under way, and lets go of the pairing's folder.
    async fn leave(&mut self) {
        self.work.shutdown().await;
        (self.step, self.gate) = (None, None);
    }

    async fn connect(&mut self, settings: Settings) -> Result<(), Trouble> {
        self.leave().await;
        self.state = None;
        let wrong = |what: String| Trouble::new(what, "Press s and correct the settings.");
        let airlock = Airlock::new(settings.config().map_err(wrong)?)?;
        self.place = self.folder.join(place_of(airlock.base_url().as_str()));
        self.approvals = Some(airlock.approvals(settings.enforcer().map_err(wrong)?));
        let (store, is_named) = (self.tokens(), !settings.pat.is_empty());
        self.step(async move {
            if is_named {
                return Ok(Done::Connected(airlock, true));
            }
            let session = Session::restore(airlock.identity_provider().await?, store)?;
            if !session.is_signed_in().await {
                return Ok(Done::Connected(airlock, false));
            }
            Ok(Done::Connected(airlock.signed_in(Arc::new(session)), true))
        });
        Ok(())
    }

    async fn sign_out(&mut self) -> Result<(), Trouble> {
        self.leave().await;
        let (airlock, store) = (self.airlock()?, self.tokens());
        self.step(async move {
            // Also who has a token of their own may have signed in before.
            Session::restore(airlock.identity_provider().await?, store)?.sign_out().await?;
            Ok(Done::Said(Msg::SignedOut))
        });
        Ok(())
    }

    /// With the pairing that is kept, the program is paired: it says so every half minute, and goes on waiting for what was asked.
    async fn look_for_pairing(&mut self) -> Result<(), Trouble> {
        self.leave().await;
        let approvals = self.approvals()?;
        let state = self.state()?;
        let Some(pairing) = state.pairing()? else {
            self.work.spawn(async { Done::Said(Msg::Pairing(None)) });
            return Ok(());
        };
        let Some(state) = self.state.take() else { return Ok(()) };
        let gate = Arc::new(RemoteGate::new(approvals.clone(), pairing, state)?);
        let (open, fingerprint) = (gate.open_requests(), gate.pairing().fingerprint());
        for request in open.clone() {
            let (gate, tell) = (gate.clone(), self.tell.clone());
            self.work.spawn(async move { Done::Said(errands::wait(&gate, request, &tell).await) });
        }
        self.work.spawn(errands::beat(approvals, self.tell.clone()));
        self.gate = Some(gate);
        let tell = self.tell.clone();
        self.work.spawn(async move {
            let _ = tell.send(Msg::Pairing(Some(fingerprint))).await;
            Done::Said(Msg::Resumed(open))
        });
        Ok(())
    }

    fn save(&self, settings: &Settings) -> Result<(), Trouble> {
        make_folder(&self.folder).and_then(|()| settings.save(&self.settings_file())).map_err(|error| {
            Trouble::new(
                format!("the settings were not kept: {}", error.kind()),
                "Check the folder's owner and rights.",
            )
        })
    }
    fn tokens(&self) -> Arc<FileTokenStore> {
        Arc::new(FileTokenStore::new(self.place.join("tokens.json")))
    }
    fn state(&mut self) -> Result<&StateFolder, Trouble> {
        if self.state.is_none() {
            self.state = Some(StateFolder::open(self.place.join("pairing"))?);
        }
        self.state.as_ref().ok_or_else(not_yet)
    }
    fn airlock(&self) -> Result<Airlock, Trouble> {
        self.airlock.clone().ok_or_else(not_yet)
    }
    fn approvals(&self) -> Result<Approvals, Trouble> {
        self.approvals.clone().ok_or_else(not_yet)
    }
    fn gate(&self) -> Result<Arc<RemoteGate>, Trouble> {
        self.gate.clone().ok_or_else(not_yet)
    }
}

fn not_yet() -> Trouble {
    Trouble::new("this is not possible yet", "Sign in and pair first.")
}

/// A folder's name for a gateway.
fn place_of(url: &str) -> String {
    url.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

fn make_folder(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
