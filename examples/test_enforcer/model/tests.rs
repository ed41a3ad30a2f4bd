//! A life without a terminal and without a network: keys and news in, screens and effects out.

use airlock_client::approver::Inert;
use serde_json::json;

use super::*;
use crate::trouble::Kind;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn begun() -> Model {
    let (model, effects) = Model::begin(Some(Settings::proposed()), NOW);
    assert!(matches!(effects.as_slice(), [Effect::Connect(_)]));
    model
}
fn home() -> Model {
    let mut model = begun();
    model.update(Msg::Pairing(Some("AA:BB".to_owned())));
    model
}
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.chars()
        .flat_map(|c| model.update(Msg::Key(if c == '\n' { Key::Enter } else { Key::Char(c) })))
        .collect()
}
fn paste(model: &mut Model, text: &str) {
    model.update(Msg::Key(Key::Pasted(text.to_owned())));
}
fn trouble(kind: Kind) -> Trouble {
    Trouble { kind, ..Trouble::new("what", "advice") }
}
fn id(text: &str) -> RequestId {
    text.parse().unwrap()
}

#[test]
fn from_nothing_to_a_pairing_step_by_step() {
    let (mut model, effects) = Model::begin(None, NOW);
    assert!(effects.is_empty() && matches!(model.screen, Screen::Setup(_)));
    let effects = press(&mut model, "\n\n\n\n\n\n");
    assert!(
        matches!(effects.as_slice(), [Effect::Save(saved), Effect::Connect(_)] if saved.enforcer == "test-enforcer")
    );
    model.update(Msg::Connected { is_signed_in: false });
    assert!(matches!(press(&mut model, "1").as_slice(), [Effect::SignIn(Way::Code)]));
    model.update(Msg::DeviceCode { uri: "http://x".to_owned(), code: "AB".to_owned() });
    assert!(matches!(model.screen, Screen::DeviceCode { .. }));
    assert!(matches!(model.update(Msg::SignedIn).as_slice(), [Effect::CheckConsent]));
    model.update(Msg::Failed(trouble(Kind::NotAllowed)));
    assert!(matches!(model.screen, Screen::Consent(_)));
    assert!(matches!(model.update(Msg::Allowed).as_slice(), [Effect::LookForPairing]));
    model.update(Msg::Pairing(None));
    assert!(matches!(press(&mut model, "1").as_slice(), [Effect::Pair]));
    model.update(Msg::PairingBegun { code: "A3K9X2".to_owned(), own_key: "k".to_owned(), expires_at: None });
    model.update(Msg::Answered { fingerprint: "AA:BB".to_owned() });
    assert!(matches!(model.screen, Screen::Compare { .. }) && model.fingerprint.is_none());
    assert!(matches!(press(&mut model, "y").as_slice(), [Effect::Keep]));
    model.update(Msg::Pairing(Some("AA:BB".to_owned())));
    assert!(matches!(model.screen, Screen::Home));
}

#[test]
fn fingerprints_that_differ_end_the_pairing() {
    let mut model = begun();
    model.update(Msg::Answered { fingerprint: "AA:BB".to_owned() });
    assert!(matches!(press(&mut model, "n").as_slice(), [Effect::Refuse]));
    assert!(matches!(model.update(Msg::Unpaired).as_slice(), [Effect::Forget]));
    assert!(matches!(model.screen, Screen::Pair));
}

#[test]
fn settings_that_do_not_hold_send_nothing() {
    let (mut model, _) = Model::begin(None, NOW);
    paste(&mut model, " and more");
    assert!(press(&mut model, "\n\n\n\n\n\n").is_empty());
    assert!(matches!((&model.notice, &model.screen), (Some(Notice::Bad(_)), Screen::Setup(_))));
}

#[test]
fn a_token_stays_with_the_gateway_that_it_was_typed_for() {
    let mut model = begun();
    model.update(Msg::Connected { is_signed_in: false });
    press(&mut model, "3");
    paste(&mut model, "airpat_x");
    assert!(
        matches!(press(&mut model, "\n").as_slice(), [Effect::Save(saved), Effect::Connect(_)] if saved.pat == "airpat_x")
    );
    model.update(Msg::Failed(trouble(Kind::Plain)));
    assert!(matches!(model.screen, Screen::Away));
    press(&mut model, "s");
    paste(&mut model, "/other");
    let effects = press(&mut model, "\n\n\n\n\n\n");
    assert!(
        matches!(effects.as_slice(), [Effect::Save(saved), ..] if saved.gateway.ends_with("/other") && saved.pat.is_empty())
    );
}

#[test]
fn what_is_asked_is_followed_to_its_end() {
    let mut model = home();
    press(&mut model, "c");
    let effects = press(&mut model, "ls -la\n\n");
    let [Effect::Ask { local, ask }] = effects.as_slice() else { panic!("one question") };
    assert_eq!(ask.payload, json!({"command": "ls -la", "at": NOW, "from": "test enforcer"}));
    assert_eq!((ask.artifact_type.as_str(), ask.ttl.unwrap().as_secs()), ("command-approval", 600));
    let local = *local;
    assert_eq!(model.asked[0].state, State::Sending);
    assert!(press(&mut model, "w").is_empty(), "nothing to withdraw yet");
    model.update(Msg::Submitted { local, request: id("req-1"), until: NOW });
    assert!(
        matches!(press(&mut model, "w").as_slice(), [Effect::Withdraw(request)] if *request == id("req-1"))
    );
    model.update(Msg::Decided {
        request: id("req-1"),
        verdict: Verdict::Approve,
        reason: Some("a\u{1b}[2Jb".to_owned()),
    });
    let State::Decided { verdict: Verdict::Approve, reason: Some(reason) } = &model.asked[0].state else {
        panic!("decided")
    };
    assert_eq!(*reason, Inert::line("a\u{1b}[2Jb"));
    // What came too late changes nothing.
    model.update(Msg::Withdrawn(id("req-1")));
    model.update(Msg::Ended { request: id("req-1"), trouble: trouble(Kind::Plain) });
    assert_eq!(model.asked[0].state.word(), "APPROVED");
}

#[test]
fn any_type_and_any_json_can_be_asked_about() {
    let mut model = home();
    press(&mut model, "j\n");
    for _ in 0..20 {
        model.update(Msg::Key(Key::Back));
    }
    paste(&mut model, "[1, {\"a\": 2}");
    assert!(press(&mut model, "\n\n").is_empty() && matches!(model.notice, Some(Notice::Bad(_))));
    model.update(Msg::Key(Key::Previous));
    let effects = press(&mut model, "]\n\n");
    assert!(matches!(effects.as_slice(), [Effect::Ask { ask, .. }]
        if ask.payload == json!([1, {"a": 2}]) && ask.artifact_type.as_str() == "plan.review"));
    press(&mut model, "c");
    assert!(press(&mut model, "\n\n").is_empty(), "no command");
    press(&mut model, "ls");
    model.update(Msg::Key(Key::Next));
    assert!(press(&mut model, "9\n").is_empty(), "a minute too many");
}

#[test]
fn requests_of_an_earlier_run_are_waited_for_once() {
    let mut model = home();
    model.update(Msg::Resumed(vec![id("req-1"), id("req-2")]));
    model.update(Msg::Resumed(vec![id("req-1")]));
    assert_eq!(model.asked.len(), 2);
    model.update(Msg::Key(Key::Previous));
    assert_eq!(model.marked().unwrap().request, Some(id("req-1")));
    model.update(Msg::Key(Key::Previous));
    model.update(Msg::Key(Key::Next));
    model.update(Msg::Key(Key::Next));
    assert_eq!(model.marked().unwrap().request, Some(id("req-2")));
}

#[test]
fn what_ends_the_sign_in_or_the_pairing_leads_back_to_it() {
    let mut model = home();
    model.update(Msg::Beat(Err(trouble(Kind::Plain))));
    assert!(matches!(model.screen, Screen::Home) && model.beat.is_some());
    let effects = model.update(Msg::NotSubmitted { local: 0, trouble: trouble(Kind::Unpaired) });
    assert!(matches!(effects.as_slice(), [Effect::Forget]));
    assert!(matches!(model.screen, Screen::Pair) && model.fingerprint.is_none() && model.asked.is_empty());
    let mut model = home();
    model.update(Msg::Beat(Err(trouble(Kind::SignedOut))));
    assert!(matches!(model.screen, Screen::SignIn) && model.fingerprint.is_some());
    let mut model = home();
    press(&mut model, "uy");
    model.update(Msg::Failed(trouble(Kind::Plain)));
    assert!(matches!(model.screen, Screen::Home), "the pairing is still there");
}

#[test]
fn a_pairing_is_ended_when_it_was_meant_and_a_step_is_given_up() {
    let mut model = home();
    assert!(press(&mut model, "ux").is_empty() && matches!(model.screen, Screen::Home));
    assert!(matches!(press(&mut model, "uy").as_slice(), [Effect::Unpair]));
    let mut model = begun();
    model.update(Msg::PairingBegun { code: "A3K9X2".to_owned(), own_key: "k".to_owned(), expires_at: None });
    assert!(matches!(model.update(Msg::Key(Key::Leave)).as_slice(), [Effect::GiveUp]));
    assert!(matches!(model.screen, Screen::Pair));
}

#[test]
fn it_ends_by_q_where_nothing_is_typed_and_by_ctrl_c_everywhere() {
    let mut model = home();
    press(&mut model, "cq");
    assert!(!model.is_over());
    model.update(Msg::Key(Key::Stop));
    assert!(model.is_over());
    let mut model = home();
    press(&mut model, "q");
    assert!(model.is_over());
}
