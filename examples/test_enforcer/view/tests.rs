//! Every screen as it stands in a terminal of 80 by 24, and none that steers one.

use airlock_core::Timestamp;
use airlock_core::approval::Verdict;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::keys::Key;
use crate::model::{Model, Msg};
use crate::settings::Settings;
use crate::trouble::{Kind, Trouble};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn drawn_at(model: &Model, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| super::draw(model, frame)).unwrap();
    terminal.backend().to_string()
}

fn after(news: Vec<Msg>) -> Model {
    let (mut model, _) = Model::begin(Some(Settings::proposed()), NOW);
    for msg in news {
        model.update(msg);
    }
    model
}
fn after_keys(mut news: Vec<Msg>, keys: &str) -> Model {
    news.extend(typed(keys));
    after(news)
}
fn typed(keys: &str) -> Vec<Msg> {
    keys.chars().map(|c| Msg::Key(if c == '\n' { Key::Enter } else { Key::Char(c) })).collect()
}
fn refused(kind: Kind) -> Trouble {
    Trouble { kind, ..Trouble::new("the gateway refused: \u{1b}[2Jno", "Do something\u{202e} else.") }
}
/// A text that would steer a terminal, if it were let.
fn hostile() -> String {
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\n\u{202e}x\u{200b}".to_owned()
}

fn all() -> Vec<(&'static str, Model)> {
    let id = |text: &str| text.parse().unwrap();
    let home = || Msg::Pairing(Some("AA:BB:CC:DD:EE:FF:00:11".to_owned()));
    let asks = |local, what: &str, request: &str| {
        let mut news = typed("c");
        news.push(Msg::Key(Key::Pasted(what.to_owned())));
        news.extend(typed("\n\n"));
        news.push(Msg::Submitted {
            local,
            request: id(request),
            until: NOW.after(std::time::Duration::from_secs(599)),
        });
        news
    };
    let mut lived = vec![home(), Msg::Beat(Ok(()))];
    lived.extend(asks(0, "ls -la", "req-1"));
    lived.extend(asks(1, "rm -rf / \u{202e}x", "req-2"));
    lived.extend(asks(2, "make deploy", "req-3"));
    lived.push(Msg::Decided { request: id("req-1"), verdict: Verdict::Approve, reason: None });
    lived.push(Msg::Decided { request: id("req-2"), verdict: Verdict::Reject, reason: Some(hostile()) });
    lived.push(Msg::Key(Key::Previous));
    let mut form = vec![home()];
    form.extend(typed("jx\n"));
    vec![
        ("set up", Model::begin(None, NOW).0),
        ("busy", after(vec![])),
        ("away", after(vec![Msg::Failed(refused(Kind::Plain))])),
        ("sign in", after(vec![Msg::Connected { is_signed_in: false }])),
        ("token", after_keys(vec![Msg::Connected { is_signed_in: false }], "3abc")),
        ("device code", after(vec![Msg::DeviceCode { uri: hostile(), code: "BCDF-GHJK".to_owned() }])),
        ("browser", after(vec![Msg::BrowserUrl("http://127.0.0.1:8080/authorize?x=1".to_owned())])),
        ("consent", after(vec![Msg::Failed(refused(Kind::NotAllowed))])),
        ("pair", after(vec![Msg::Pairing(None)])),
        (
            "pairing code",
            after(vec![Msg::PairingBegun {
                code: "A3K9X2".to_owned(),
                own_key: "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8".to_owned(),
                expires_at: Some(NOW.after(std::time::Duration::from_secs(600))),
            }]),
        ),
        ("claim", after_keys(vec![Msg::Pairing(None)], "2A3K")),
        ("compare", after(vec![Msg::Answered { fingerprint: "AA:BB:CC:DD:EE:FF:00:11".to_owned() }])),
        ("nothing asked", after(vec![home()])),
        ("asked", after(lived)),
        ("anything", after(form)),
        ("unpair", after_keys(vec![home()], "u")),
    ]
}

#[test]
fn every_screen_is_the_committed_one() {
    let drawn: String =
        all().iter().map(|(name, model)| format!("{name}\n{}\n", drawn_at(model, 80, 24))).collect();
    insta::assert_snapshot!("screens", drawn);
}

#[test]
fn no_screen_steers_a_terminal_and_any_size_is_one() {
    let steers = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
    for (name, model) in all() {
        for (columns, rows) in [(1, 1), (3, 2), (10, 5), (40, 10), (80, 24), (200, 60), (20, 100)] {
            let drawn = drawn_at(&model, columns, rows);
            assert!(!drawn.contains(steers), "{name} at {columns}x{rows}: {drawn:?}");
        }
    }
}
