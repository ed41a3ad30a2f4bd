//! Requests, and what became of the one that is marked.

use airlock_core::Timestamp;
use airlock_core::approval::Verdict;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::{bold, inert};
use crate::model::{Asked, Model, State};

pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let [list, one] = Layout::vertical([Constraint::Min(3), Constraint::Length(8)]).areas(area);
    let room = usize::from(list.height.saturating_sub(2)).max(1);
    // The marked one is always to be seen.
    let first = (model.at + 1).saturating_sub(room);
    let shown = model.asked.iter().enumerate().skip(first).take(room);
    let mut lines: Vec<Line<'_>> = shown.map(|(at, asked)| row(asked, at == model.at, model.now)).collect();
    if lines.is_empty() {
        lines.push(Line::raw(
            "Nothing was asked yet. Press c and ask about a command; your approver answers:",
        ));
        lines.push(Line::raw("   airlock-approve"));
    }
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Requests ")), list);
    let told = model.marked().map(|asked| told(asked, model.now)).unwrap_or_default();
    frame.render_widget(
        Paragraph::new(told).wrap(Wrap { trim: false }).block(Block::bordered().title(" This one ")),
        one,
    );
}

fn row(asked: &Asked, is_marked: bool, now: Timestamp) -> Line<'_> {
    let mark = if is_marked { "> " } else { "  " };
    Line::from(vec![
        Span::styled(mark, bold()),
        Span::styled(format!("{:<20}", word(asked, now)), colour(&asked.state)),
        Span::raw(asked.about.as_str()),
    ])
}

fn word(asked: &Asked, now: Timestamp) -> String {
    match &asked.state {
        State::Waiting { until: Some(until) } => {
            let s = until.since(now).as_secs();
            format!("waiting, {}:{:02} left", s / 60, s % 60)
        }
        other => other.word().to_owned(),
    }
}

fn colour(state: &State) -> Style {
    Style::new().fg(match state {
        State::Decided { verdict: Verdict::Approve, .. } | State::Standing(Verdict::Approve) => Color::Green,
        State::Sending | State::Waiting { .. } => Color::Yellow,
        State::Withdrawn => Color::Reset,
        _ => Color::Red,
    })
}

fn told(asked: &Asked, now: Timestamp) -> Vec<Line<'_>> {
    let mut lines = vec![Line::styled(word(asked, now), bold()), Line::raw(asked.about.as_str())];
    if let Some(request) = &asked.request {
        lines.push(Line::raw(inert(request.as_str())));
    }
    match &asked.state {
        State::Decided { reason: Some(reason), .. } => {
            lines.push(Line::raw(format!("The person says (nobody signed it): {reason}")))
        }
        State::Decided { .. } => {
            lines.push(Line::raw("Signed by your approver, about this, in time, for the first time."))
        }
        State::Standing(_) => {
            lines.push(Line::raw("Decided in advance, and reported to the person's history."))
        }
        State::Failed(trouble) => {
            lines.push(Line::raw(trouble.what.as_str()));
            lines.push(Line::raw(trouble.advice.as_str()));
        }
        _ => {}
    }
    lines
}
