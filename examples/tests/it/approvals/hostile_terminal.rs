//! The hostile payloads before `airlock-approve`, in a terminal: nothing of them steers it or passes for a line of the program, nothing
//! hangs, and each can be decided.

use super::hostile::{self, Hostile};
use super::raw_enforcer::RawEnforcer;
use super::rig::Rig;
use super::terminal::Machine;

/// Lines of the program's own, by how they begin.
const OWN: &[&str] = &[
    "== Request req-",
    "   until ",
    "   Paired ",
    "   Said beside it, verified by nobody:",
    "   Asked:",
    "   The hash that will be signed is that of what is shown: verified",
];
/// What the program says where not all is shown.
const LEFT_OUT: &str = " characters are not shown";
const WHOLE: &str = "y = approve, n = reject, s = skip";
const PART: &str = "'yes without seeing' = approve all the same, n = reject, s = skip";

fn is_button(line: &str) -> bool {
    let said = line.strip_prefix("   ").and_then(|line| line.split_once(" = "));
    said.is_some_and(|(number, does)| {
        number.parse::<u8>().is_ok_and(|number| (1..=5).contains(&number))
            && [
                "approve, under this name:",
                "reject, under this name:",
                "approve, marked as dangerous, under this name:",
            ]
            .contains(&does)
    })
}

/// Every line is behind a bar, in a form of the program's own, or empty; and what is the program's own stands there once.
#[track_caller]
fn check(hostile: &Hostile, lines: &[String]) {
    let Hostile { name, wrong, .. } = hostile;
    let times = |begins: &str| lines.iter().filter(|line| line.starts_with(begins)).count();
    for line in lines {
        let is_barred = line.starts_with("   | ") || line.starts_with("   |+") || line == "   |";
        let is_own = OWN.iter().any(|own| line.starts_with(own)) || is_button(line);
        let is_number = |text: &str| text.parse::<usize>().is_ok();
        let counted = line.strip_prefix("   !! ").and_then(|line| line.split_once(LEFT_OUT));
        let is_counted = counted.is_some_and(|(count, rest)| {
            let members = rest.strip_prefix(", of ").and_then(|rest| rest.strip_suffix(" members nothing"));
            is_number(count) && (rest.is_empty() || members.is_some_and(is_number))
        });
        let is_asked = line == WHOLE || line == PART || line.is_empty();
        assert!(is_barred || is_own || is_counted || is_asked, "{name}: {wrong}: {line:?}");
        assert!(!line.chars().any(char::is_control), "{name}: {wrong}: {line:?}");
        let places: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        assert!(!is_barred || places <= 80, "{name}: {wrong}: it wraps: {line:?}");
    }
    for own in OWN {
        assert_eq!(times(own), 1, "{name}: {wrong}: {own}: {lines:#?}");
    }
    // However many members are cut away whole, they take no lines: at most the text that has no name is one.
    let is_cut = lines.iter().any(|line| line.contains(LEFT_OUT));
    assert!(!is_cut || times("   | :") <= 1, "{name}: {wrong}");
    let buttons = lines.iter().filter(|line| is_button(line)).count();
    assert_eq!(buttons > 0, hostile::offers_buttons(hostile), "{name}: {wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_payloads_stand_in_the_terminal_as_text_and_can_be_decided() {
    let rig = Rig::start().await;
    let machine = Machine::of(&rig);
    let enforcer = RawEnforcer::pair(&rig, "hostile", async |code| {
        let mut tty = machine.tty(&format!("pair {code}"));
        tty.line("Pair? y");
        tty.types("y\n");
        assert_eq!(tty.end().0, Some(0));
    })
    .await;
    let mut tty = machine.tty("");
    tty.line("Waiting for requests");
    for (at, hostile) in hostile::all().iter().enumerate() {
        let request = enforcer.submit(&hostile.payload).await;
        let mut lines = vec![tty.line(&format!("== Request {request}"))];
        lines.extend(tty.lines_until(|line| line == WHOLE || line == PART));
        check(hostile, &lines);
        let is_whole = lines.last().is_some_and(|line| line == WHOLE);
        let (typed, done) = match (at % 2, is_whole) {
            (0, _) => ("n\n", "rejected"),
            (_, true) => ("y\n", "approved"),
            (_, false) => ("yes without seeing\n", "approved"),
        };
        tty.types(typed);
        tty.line("Reason");
        tty.types("\n");
        tty.line(done);
        assert_eq!(rig.state_of(&request).await, "Decided", "{}", hostile.name);
    }
    tty.types("\u{3}");
    tty.line("Left;");
    // Nothing on all of the screen steers a terminal: `end` looks.
    assert_eq!(tty.end().0, Some(0));
}
