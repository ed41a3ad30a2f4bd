//! The steps before there is a pairing, and the questions.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{bold, faint, inert};
use crate::form::Form;
use crate::model::{Model, Screen};

/// A title and the text below it.
pub(super) fn of(model: &Model) -> (&'static str, Vec<Line<'_>>) {
    match &model.screen {
        Screen::Setup(form) => ("Set up", fields(form, &["Kept in a file that only you can read."])),
        Screen::Pat(form) => {
            ("Personal access token", fields(form, &["It is kept with the settings, readable by you alone."]))
        }
        Screen::Claim(form) => {
            ("Take a code up", fields(form, &["Your approver shows it: `airlock-approve pair`."]))
        }
        Screen::Command(form) => {
            ("Ask about a command", fields(form, &["It is sealed for your approver, and not run here."]))
        }
        Screen::Free(form) => {
            ("Ask about anything", fields(form, &["Each member is a row at the approver."]))
        }
        Screen::Busy(what) => ("Wait", vec![Line::raw(format!("{what} …"))]),
        Screen::Away => (
            "Not reached",
            said(&["The gateway did not answer as it should.", "Is it running, and is this its address?"]),
        ),
        Screen::SignIn => (
            "Sign in",
            said(&[
                "1  with a code, in a browser anywhere",
                "2  with a browser on this machine",
                "3  with a personal access token",
                "",
                "An enforcer asks in a person's name: the gateway has to know whose.",
            ]),
        ),
        Screen::DeviceCode { uri, code } => (
            "Sign in with a code",
            vec![
                Line::raw(format!("Open   {}", inert(uri))),
                Line::from(vec![Span::raw("type   "), Span::styled(inert(code), bold())]),
                Line::raw(""),
                Line::raw("This goes on by itself when you are done there."),
            ],
        ),
        Screen::Browser { url } => (
            "Sign in with a browser",
            vec![
                Line::raw("Open this in a browser on this machine:"),
                Line::raw(""),
                Line::raw(inert(url)),
                Line::raw(""),
                Line::raw("This goes on by itself when you are done there."),
            ],
        ),
        Screen::Consent(trouble) => (
            "Not allowed yet",
            vec![
                Line::raw(trouble.what.as_str()),
                Line::raw(trouble.advice.as_str()),
                Line::raw(""),
                Line::raw("The person allows the app in their account, or with"),
                Line::raw("   airlock-approve consents"),
                Line::raw("   airlock-approve allow APP"),
                Line::raw(""),
                Line::raw("This goes on by itself when they have."),
            ],
        ),
        Screen::Pair => (
            "Pair",
            said(&[
                "1  show a code, for the approver to type",
                "2  take up a code that the approver made",
                "",
                "Approver and enforcer exchange keys once. The gateway in between never has them.",
            ]),
        ),
        Screen::PairingCode { code, own_key, expires_at } => {
            let until = expires_at.map(|end| format!("It holds {} s more.", end.since(model.now).as_secs()));
            (
                "Pair with a code",
                vec![
                    Line::raw("At the approver, agree to this code:"),
                    Line::raw(""),
                    Line::from(vec![
                        Span::raw("   airlock-approve pair "),
                        Span::styled(inert(code), bold()),
                    ]),
                    Line::raw(""),
                    Line::raw(format!("It should show this key: {}", inert(own_key))),
                    Line::raw(until.unwrap_or_default()),
                ],
            )
        }
        Screen::Compare { fingerprint } => (
            "Compare",
            vec![
                Line::raw("Does your approver show this fingerprint?"),
                Line::raw(""),
                Line::styled(format!("   {}", inert(fingerprint)), bold()),
                Line::raw(""),
                Line::raw("If it shows another one, somebody stands between you: press n."),
            ],
        ),
        Screen::Unpair => ("Unpair", said(&["End the pairing for both sides?", "What waits is cancelled."])),
        Screen::Home => ("", Vec::new()),
    }
}

fn said(lines: &[&'static str]) -> Vec<Line<'static>> {
    lines.iter().map(|line| Line::raw(*line)).collect()
}

fn fields<'a>(form: &'a Form, below: &[&'static str]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for (at, field) in form.fields.iter().enumerate() {
        let is_here = at == form.at;
        let name = format!("{} {:<16}", if is_here { ">" } else { " " }, field.name);
        let mut spans =
            vec![Span::styled(name, if is_here { bold() } else { Style::new() }), Span::raw(field.shown())];
        if is_here {
            spans.push(Span::styled(" ", Style::new().add_modifier(Modifier::REVERSED)));
        }
        lines.push(Line::from(spans));
        if is_here {
            lines.push(Line::styled(format!("{:19}{}", "", field.hint), faint()));
        }
    }
    lines.push(Line::raw(""));
    lines.extend(said(below));
    lines
}
