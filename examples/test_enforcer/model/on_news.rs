//! What the gateway, the person at the approver, and time bring about.

use airlock_client::approver::Inert;
use airlock_core::approval::RequestId;

use super::{Asked, Effect, Model, Msg, Screen, State};
use crate::trouble::{Kind, Trouble};

impl Model {
    pub(super) fn on_news(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Connected { is_signed_in: false } => self.show(Screen::SignIn),
            Msg::Connected { is_signed_in: true } | Msg::SignedIn => {
                self.screen = Screen::Busy("Asking whether this app is allowed");
                vec![Effect::CheckConsent]
            }
            Msg::DeviceCode { uri, code } => self.show(Screen::DeviceCode { uri, code }),
            Msg::BrowserUrl(url) => self.show(Screen::Browser { url }),
            Msg::Allowed => {
                self.screen = Screen::Busy("Looking for the pairing");
                vec![Effect::LookForPairing]
            }
            Msg::Pairing(None) => self.show(Screen::Pair),
            Msg::Pairing(Some(fingerprint)) => {
                self.fingerprint = Some(fingerprint);
                self.show(Screen::Home)
            }
            Msg::PairingBegun { code, own_key, expires_at } => {
                self.show(Screen::PairingCode { code, own_key, expires_at })
            }
            Msg::Answered { fingerprint } => self.show(Screen::Compare { fingerprint }),
            Msg::Beat(taken) => {
                let after = taken.as_ref().err().cloned();
                self.beat = Some((self.now, taken));
                after.map_or_else(Vec::new, |trouble| self.follow(&trouble))
            }
            Msg::Submitted { local, request, until } => {
                if let Some(asked) = self.asked.iter_mut().find(|asked| asked.local == local) {
                    (asked.request, asked.state) = (Some(request), State::Waiting { until: Some(until) });
                }
                Vec::new()
            }
            Msg::Standing { local, verdict } => self.settle_local(local, State::Standing(verdict)),
            Msg::NotSubmitted { local, trouble } => {
                self.bad(trouble.clone());
                self.settle_local(local, State::Failed(trouble.clone()));
                self.follow(&trouble)
            }
            Msg::Resumed(requests) => {
                let known = |request: &RequestId| {
                    self.asked.iter().any(|asked| asked.request.as_ref() == Some(request))
                };
                let new: Vec<RequestId> = requests.into_iter().filter(|request| !known(request)).collect();
                for request in new {
                    self.put(
                        Some(request),
                        Inert::line("asked in an earlier run"),
                        State::Waiting { until: None },
                    );
                }
                Vec::new()
            }
            Msg::Decided { request, verdict, reason } => {
                let reason = reason.map(|reason| Inert::line(&reason));
                self.settle(&request, State::Decided { verdict, reason })
            }
            Msg::Ended { request, trouble } => {
                self.settle(&request, State::Failed(trouble.clone()));
                self.follow(&trouble)
            }
            Msg::Withdrawn(request) => self.settle(&request, State::Withdrawn),
            Msg::Unpaired => {
                self.leave_pairing();
                self.good("The pairing is over, for both sides.");
                self.screen = Screen::Pair;
                vec![Effect::Forget]
            }
            Msg::SignedOut => {
                self.leave_pairing();
                self.settings.pat.clear();
                self.good("Signed out. The pairing is kept.");
                self.screen = Screen::SignIn;
                vec![Effect::Save(self.settings.clone())]
            }
            Msg::Failed(trouble) => {
                self.bad(trouble.clone());
                self.fall_back(&trouble)
            }
            Msg::Key(_) | Msg::Tick(_) => Vec::new(),
        }
    }

    pub(super) fn show(&mut self, screen: Screen) -> Vec<Effect> {
        self.screen = screen;
        Vec::new()
    }

    /// Adds a request to the list; its number.
    pub(super) fn put(&mut self, request: Option<RequestId>, about: Inert, state: State) -> u64 {
        let local = self.next_local;
        self.next_local += 1;
        self.asked.push(Asked { local, request, about, state });
        self.at = self.asked.len() - 1;
        local
    }

    fn settle_local(&mut self, local: u64, state: State) -> Vec<Effect> {
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.local == local) {
            asked.state = state;
        }
        Vec::new()
    }

    /// What is over stays as it ended.
    fn settle(&mut self, request: &RequestId, state: State) -> Vec<Effect> {
        let waiting =
            |asked: &&mut Asked| asked.request.as_ref() == Some(request) && asked.state.is_waiting();
        if let Some(asked) = self.asked.iter_mut().find(waiting) {
            asked.state = state;
        }
        Vec::new()
    }

    fn leave_pairing(&mut self) {
        (self.fingerprint, self.beat) = (None, None);
        self.asked.clear();
        self.at = 0;
    }

    /// Where a step that failed leads to.
    fn fall_back(&mut self, trouble: &Trouble) -> Vec<Effect> {
        if trouble.kind != Kind::Plain {
            return self.follow(trouble);
        }
        match self.screen {
            Screen::Busy(_) if self.fingerprint.is_some() => self.show(Screen::Home),
            Screen::Busy(_) => self.show(Screen::Away),
            Screen::DeviceCode { .. } | Screen::Browser { .. } => self.show(Screen::SignIn),
            Screen::PairingCode { .. } | Screen::Compare { .. } => self.show(Screen::Pair),
            _ => Vec::new(),
        }
    }

    /// What some troubles mean for where the program is.
    fn follow(&mut self, trouble: &Trouble) -> Vec<Effect> {
        match trouble.kind {
            Kind::Plain => Vec::new(),
            Kind::NotAllowed => self.show(Screen::Consent(trouble.clone())),
            Kind::SignedOut => {
                self.bad(trouble.clone());
                self.show(Screen::SignIn)
            }
            Kind::Unpaired => {
                self.leave_pairing();
                self.bad(trouble.clone());
                self.screen = Screen::Pair;
                vec![Effect::Forget]
            }
        }
    }
}
