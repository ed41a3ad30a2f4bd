//! What each key does on each screen.

use std::time::Duration;

use airlock_client::approver::Inert;
use airlock_core::approval::Ask;
use serde_json::{Value, json};

use super::{Effect, Model, Screen, State, Way};
use crate::form::{Form, Typed};
use crate::keys::Key;
use crate::settings::Settings;
use crate::trouble::Trouble;

impl Model {
    pub(super) fn on_key(&mut self, key: &Key) -> Vec<Effect> {
        if self.form().is_some() {
            return self.on_form_key(key);
        }
        let Key::Char(c) = key else { return self.on_other_key(key) };
        match (&self.screen, c) {
            (Screen::SignIn, '1') => self.wait_for("Asking for a code", Effect::SignIn(Way::Code)),
            (Screen::SignIn, '2') => {
                self.wait_for("Looking for the sign-in page", Effect::SignIn(Way::Browser))
            }
            (Screen::SignIn, '3') => self.show(Screen::pat()),
            (Screen::SignIn | Screen::Pair | Screen::Away, 's') => self.show(Screen::setup(&self.settings)),
            (Screen::Away, 'r') => self.connect(),
            (Screen::Consent(_), 'r') => {
                self.wait_for("Asking whether this app is allowed", Effect::CheckConsent)
            }
            (Screen::Consent(_) | Screen::Pair, 'o') => self.wait_for("Signing out", Effect::SignOut),
            (Screen::Pair, '1') => self.wait_for("Asking for a code", Effect::Pair),
            (Screen::Pair, '2') => self.show(Screen::claim()),
            (Screen::Compare { .. }, 'y') => self.wait_for("Keeping the pairing", Effect::Keep),
            (Screen::Compare { .. }, 'n') => self.wait_for("Ending the pairing", Effect::Refuse),
            (Screen::Home, 'c') => self.show(Screen::command()),
            (Screen::Home, 'j') => self.show(Screen::free()),
            (Screen::Home, 'w') => self.withdraw(),
            (Screen::Home, 'u') => self.show(Screen::Unpair),
            (Screen::Home, 'o') => self.wait_for("Signing out", Effect::SignOut),
            (Screen::Unpair, 'y') => self.wait_for("Ending the pairing", Effect::Unpair),
            (Screen::Unpair, _) => self.show(Screen::Home),
            (Screen::Home | Screen::SignIn | Screen::Pair | Screen::Consent(_) | Screen::Away, 'q') => {
                self.is_over = true;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_other_key(&mut self, key: &Key) -> Vec<Effect> {
        match (&self.screen, key) {
            (Screen::Home, Key::Next) => self.at = (self.at + 1).min(self.asked.len().saturating_sub(1)),
            (Screen::Home, Key::Previous) => self.at = self.at.saturating_sub(1),
            (Screen::DeviceCode { .. } | Screen::Browser { .. }, Key::Leave) => {
                self.screen = Screen::SignIn;
                return vec![Effect::GiveUp];
            }
            (Screen::PairingCode { .. }, Key::Leave) => {
                self.screen = Screen::Pair;
                return vec![Effect::GiveUp];
            }
            (Screen::Unpair, _) => self.screen = Screen::Home,
            _ => {}
        }
        Vec::new()
    }

    fn on_form_key(&mut self, key: &Key) -> Vec<Effect> {
        let (Screen::Setup(form)
        | Screen::Pat(form)
        | Screen::Claim(form)
        | Screen::Command(form)
        | Screen::Free(form)) = &mut self.screen
        else {
            return Vec::new();
        };
        match form.handle(key) {
            Typed::Going => Vec::new(),
            Typed::Left => self.leave_form(),
            Typed::Done => {
                let form = form.clone();
                self.submit(&form)
            }
        }
    }

    fn leave_form(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Pat(_) => self.show(Screen::SignIn),
            Screen::Claim(_) => self.show(Screen::Pair),
            Screen::Command(_) | Screen::Free(_) => self.show(Screen::Home),
            // As it was before, if it was.
            _ => self.connect(),
        }
    }

    fn submit(&mut self, form: &Form) -> Vec<Effect> {
        match self.screen {
            Screen::Setup(_) => self.set_up(form),
            Screen::Pat(_) => {
                self.settings.pat = form.text(0).to_owned();
                let mut effects = vec![Effect::Save(self.settings.clone())];
                effects.extend(self.connect());
                effects
            }
            Screen::Claim(_) => {
                let code = form.text(0).to_owned();
                self.wait_for("Taking the code up", Effect::Claim(code))
            }
            Screen::Command(_) => {
                let command = form.text(0).to_owned();
                if command.is_empty() {
                    return self.refuse("There is no command.", "Type what an agent would run.");
                }
                // Something of its own in each: equal payloads have equal hashes.
                let payload = json!({"command": command, "at": self.now, "from": "test enforcer"});
                self.ask("command-approval", payload, form.text(1), &command)
            }
            Screen::Free(_) => match serde_json::from_str(form.text(1)) {
                Ok(payload) => self.ask(form.text(0), payload, form.text(2), form.text(1)),
                Err(error) => {
                    self.refuse(&format!("The payload is not JSON: {error}"), "Correct it; nothing was sent.")
                }
            },
            _ => Vec::new(),
        }
    }

    fn set_up(&mut self, form: &Form) -> Vec<Effect> {
        let text = |at| form.text(at).to_owned();
        let settings = Settings {
            gateway: text(0),
            enforcer: text(1),
            label: text(2),
            workspace: text(3),
            client_id: text(4),
            client_secret: text(5),
            // A token is for the gateway that it was typed for.
            pat: if text(0) == self.settings.gateway { self.settings.pat.clone() } else { String::new() },
        };
        if let Err(what) = settings.check() {
            return self.refuse(&what, "Correct it; nothing was sent.");
        }
        self.settings = settings.clone();
        let mut effects = vec![Effect::Save(settings)];
        effects.extend(self.connect());
        effects
    }

    fn ask(&mut self, kind: &str, payload: Value, minutes: &str, about: &str) -> Vec<Effect> {
        let Ok(kind) = kind.parse() else {
            return self.refuse("This type cannot be sent.", "Take a word such as plan.review.");
        };
        let minutes: u64 = match minutes.parse() {
            Ok(minutes @ 1..=1_440) => minutes,
            _ => return self.refuse("The time is not understood.", "Minutes, from 1 to 1440."),
        };
        let ask = Ask { ttl: Some(Duration::from_secs(60 * minutes)), ..Ask::new(kind, payload) };
        let local = self.put(None, Inert::line(about), State::Sending);
        self.screen = Screen::Home;
        vec![Effect::Ask { local, ask }]
    }

    fn withdraw(&mut self) -> Vec<Effect> {
        let request =
            self.marked().filter(|asked| asked.state.is_waiting()).and_then(|asked| asked.request.clone());
        match request {
            Some(request) => vec![Effect::Withdraw(request)],
            None => self.refuse("Nothing waits here.", "Mark a request that waits, with the arrow keys."),
        }
    }

    fn connect(&mut self) -> Vec<Effect> {
        self.screen = Screen::Busy("Reaching the gateway");
        vec![Effect::Connect(self.settings.clone())]
    }

    fn wait_for(&mut self, what: &'static str, effect: Effect) -> Vec<Effect> {
        self.screen = Screen::Busy(what);
        vec![effect]
    }

    fn refuse(&mut self, what: &str, advice: &str) -> Vec<Effect> {
        self.bad(Trouble::new(what, advice));
        Vec::new()
    }
}
