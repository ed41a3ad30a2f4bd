//! What stands on the screen. Reads the model and changes nothing; what others wrote is inert text by then.

mod home;
mod steps;

#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use crate::model::{Model, Notice, Screen};

pub(crate) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let notice = notice(model);
    let rows = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(u16::try_from(notice.len()).unwrap_or(3)),
        Constraint::Min(1),
        Constraint::Length(1),
    ]);
    let [head, said, body, keys] = rows.areas(frame.area());
    frame.render_widget(head_of(model), head);
    frame.render_widget(Paragraph::new(notice).wrap(Wrap { trim: false }), said);
    match &model.screen {
        Screen::Home => home::draw(model, body, frame),
        _ => draw_step(model, body, frame),
    }
    frame.render_widget(Paragraph::new(keys_of(model)).style(faint()), keys);
}

fn draw_step(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let (title, lines) = steps::of(model);
    let block = Block::bordered().title(format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}

fn head_of(model: &Model) -> Paragraph<'_> {
    let settings = &model.settings;
    let mut lines = vec![Line::from(vec![
        Span::styled("Airlock test enforcer ", bold()),
        Span::raw(inert(&settings.enforcer)),
        Span::raw(" at "),
        Span::raw(inert(&settings.gateway)),
    ])];
    let paired = match &model.fingerprint {
        Some(fingerprint) => format!("paired with {fingerprint}"),
        None => "not paired".to_owned(),
    };
    let present = match &model.beat {
        None => "no heartbeat yet".to_owned(),
        Some((at, Ok(()))) => format!("heartbeat {} s ago", model.now.since(*at).as_secs()),
        Some((_, Err(trouble))) => format!("heartbeat not taken: {}", trouble.what),
    };
    lines.push(Line::from(format!("{paired} · {present}")));
    Paragraph::new(lines)
}

/// At most three lines, whatever it is.
fn notice(model: &Model) -> Vec<Line<'_>> {
    match &model.notice {
        None => Vec::new(),
        Some(Notice::Good(said)) => vec![Line::styled(said.as_str(), Style::new().fg(Color::Green))],
        Some(Notice::Bad(trouble)) => vec![
            Line::styled(format!("!! {}", trouble.what), Style::new().fg(Color::Red)),
            Line::raw(format!("   {}", trouble.advice)),
            Line::raw(""),
        ],
    }
}

fn keys_of(model: &Model) -> &'static str {
    match &model.screen {
        Screen::Home => "c command  j any JSON  ↑↓ mark  w withdraw  u unpair  o sign out  q leave",
        Screen::SignIn => "1 code  2 browser  3 token  s settings  q leave",
        Screen::Pair => "1 show a code  2 take a code up  s settings  o sign out  q leave",
        Screen::Consent(_) => "r look again  o sign out  q leave",
        Screen::Away => "r try again  s settings  q leave",
        Screen::Compare { .. } => "y they are the same  n they are not",
        Screen::Unpair => "y end it  any other key: do not",
        Screen::DeviceCode { .. } | Screen::Browser { .. } | Screen::PairingCode { .. } => {
            "Esc gives up  Ctrl-C leaves"
        }
        Screen::Busy(_) => "Ctrl-C leaves",
        _ => "Tab next field  Enter next, at the last one: done  Esc back  Ctrl-C leaves",
    }
}

fn inert(text: &str) -> String {
    airlock_client::approver::Inert::line(text).to_string()
}
fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}
fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}
