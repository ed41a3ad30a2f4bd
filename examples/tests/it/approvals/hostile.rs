//! What a hostile agent may ask: payloads that steer, hide, reorder, imitate or overload whatever shows them. Each approver is to
//! show all of them as they are, offer no more than two answers, and go on.

use serde_json::{Value, json};

/// One payload, and what would be wrong if an approver fell for it.
pub(super) struct Hostile {
    pub(super) name: &'static str,
    /// The plaintext that is sealed: JSON, or not even that.
    pub(super) payload: Vec<u8>,
    pub(super) wrong: &'static str,
}

/// All of them.
pub(super) fn all() -> Vec<Hostile> {
    let groups =
        [markup(), direction(), terminal(), letters(), sizes(), json_texts(), imitations(), buttons()];
    groups.into_iter().flatten().collect()
}

fn of(name: &'static str, payload: impl Into<Vec<u8>>, wrong: &'static str) -> Hostile {
    Hostile { name, payload: payload.into(), wrong }
}

/// An agent that asks for a command.
fn command(name: &'static str, text: &str, wrong: &'static str) -> Hostile {
    of(name, json!({ "command": text }).to_string(), wrong)
}

/// An agent whose payload has a member of this name.
fn key(name: &'static str, key: &str, wrong: &'static str) -> Hostile {
    of(name, json!({ "command": "rm -rf /", key: "yes" }).to_string(), wrong)
}

/// An agent that wants these buttons.
fn wants(name: &'static str, extension: Value, wrong: &'static str) -> Hostile {
    let payload = json!({"command": "deploy", "extensions": {"org.harp.requestedActions": extension}});
    of(name, payload.to_string(), wrong)
}

fn markup() -> Vec<Hostile> {
    const RUNS: &str = "a script runs";
    const LEADS: &str = "a link can be pressed";
    const LOADS: &str = "something is fetched";
    vec![
        command("script", "<script>document.title='owned'</script>", RUNS),
        command("script after a title", "</title></textarea></style><script>alert(1)</script>", RUNS),
        command("image with an error handler", "<img src=x onerror=\"document.title='owned'\">", RUNS),
        command(
            "svg with a load handler",
            "<svg onload=alert(1)><animate onbegin=alert(1) attributeName=x>",
            RUNS,
        ),
        command("svg in another form", "<svg><style><img src=x onerror=alert(1)></style></svg>", RUNS),
        command("details that open", "<details open ontoggle=alert(1)>x</details>", RUNS),
        command("input with the focus", "<input autofocus onfocus=alert(1)>", RUNS),
        command("frame", "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>", RUNS),
        command("javascript link", "<a href=\"java&#10;script:alert(1)\">read me first</a>", LEADS),
        command("data link", "<a href=\"data:text/html,<script>alert(1)</script>\">details</a>", LEADS),
        command(
            "markdown link",
            "[Approve safely](javascript:alert(1)) ![x](https://evil.example/p.png)",
            LEADS,
        ),
        command("bare address", "see https://evil.example/approve?me=1 first", LEADS),
        command("image from elsewhere", "<img src=https://evil.example/pixel.png>", LOADS),
        command(
            "style that covers",
            "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
            "the page is hidden",
        ),
        command(
            "base and refresh",
            "<base href=//evil.example><meta http-equiv=refresh content=0;url=//evil.example>",
            "the page leaves",
        ),
        command(
            "form around the page",
            "</div><form action=//evil.example><button>Approve</button>",
            "another button says Approve",
        ),
        command(
            "htmx attributes",
            "<div hx-get=/api/v1/me/pats hx-trigger=load hx-on::load=alert(1)>x</div>",
            RUNS,
        ),
        command(
            "template braces",
            "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 7*7 %> #{7*7} {% debug %}",
            RUNS,
        ),
        command(
            "entities",
            "&lt;script&gt;alert(1)&lt;/script&gt; &#x202e;",
            "an entity is taken for a character",
        ),
        command(
            "comment and cdata",
            "<!-- --!><img src=x onerror=alert(1)> <![CDATA[<script>alert(1)</script>]]>",
            RUNS,
        ),
        key("script as a key", "<script>alert(1)</script>", RUNS),
        key("attribute as a key", "\" onmouseover=\"alert(1)\" x=\"", RUNS),
        command("formula", "=cmd|' /C calc'!A0", "a spreadsheet that is given the list runs it"),
        command(
            "formula of another kind",
            "@SUM(1+1)*cmd|' /C calc'!A0\t+1-1",
            "a spreadsheet that is given the list runs it",
        ),
    ]
}

fn direction() -> Vec<Hostile> {
    const REORDERED: &str = "what is shown has another order than what will be done";
    const HIDDEN: &str = "characters that are there cannot be seen";
    vec![
        command("bidi override", "rm -rf \u{202e}/pmt/\u{202c} build", REORDERED),
        command("bidi embedding", "cp a \u{202b}b c\u{202a} d", REORDERED),
        command("trojan source", "if isAdmin \u{2066}// check\u{2069} \u{2066}then\u{202e} begin", REORDERED),
        command("isolates that do not end", "\u{2067}\u{2068}\u{2066}drop table users", REORDERED),
        command("marks of direction", "a\u{200e}b\u{200f}c\u{61c}d", HIDDEN),
        command("no width", "r\u{200b}m\u{200c} -\u{200d}r\u{2060}f\u{feff} /", HIDDEN),
        command("soft hyphen and joiner", "pass\u{ad}word\u{34f}", HIDDEN),
        command("tags", "ls\u{e0001}\u{e0072}\u{e006d}\u{e0020}\u{e002d}\u{e0072}\u{e0066}", HIDDEN),
        command("selectors", "a\u{fe0f}b\u{fe00}c\u{e0100}", HIDDEN),
        command("fillers", "ls \u{3164}\u{115f}\u{1160}\u{ffa0}\u{2800};rm", HIDDEN),
        command(
            "spaces of all kinds",
            "rm\u{a0}-rf\u{2003}\u{3000}\u{1680}\u{205f}\u{202f}/",
            "another space passes for one",
        ),
        command(
            "line and paragraph ends",
            "ls\u{2028}rm -rf /\u{2029}\u{85}\u{b}\u{c}x",
            "one line stands as several",
        ),
        command("far to the right", &format!("ls{}; rm -rf /", " ".repeat(5_000)), "the end is out of sight"),
        command("far down", &format!("ls{}rm -rf /", "\n".repeat(3_000)), "the end is out of sight"),
        key("bidi in a key", "\u{202e}dnammoc", REORDERED),
        key("no width in a key", "comm\u{200b}and", "two keys look the same"),
    ]
}

fn terminal() -> Vec<Hostile> {
    const STEERED: &str = "an escape sequence reaches the terminal";
    vec![
        command("colours", "\u{1b}[8mrm -rf /\u{1b}[0m ls \u{1b}[38;5;0;48;5;0m", STEERED),
        command("cleared screen", "\u{1b}[2J\u{1b}[3J\u{1b}[H== Request req-0", STEERED),
        command("cursor up", "ls\u{1b}[1A\u{1b}[2Krm -rf /\u{1b}[99D", STEERED),
        command("title", "\u{1b}]0;approved\u{7}\u{1b}]2;x\u{1b}\\", STEERED),
        command("title asked for", "\u{1b}[21t\u{1b}[6n\u{1b}[c\u{5}", "the terminal types an answer"),
        command(
            "link in a terminal",
            "\u{1b}]8;;https://evil.example\u{1b}\\safe\u{1b}]8;;\u{1b}\\",
            STEERED,
        ),
        command("clipboard", "\u{1b}]52;c;cm0gLXJmIC8K\u{7}", STEERED),
        command(
            "device control",
            "\u{1b}P$q\"p\u{1b}\\\u{1b}P+q544e\u{1b}\\\u{1b}_G\u{1b}\\\u{1b}^x\u{1b}\\\u{1b}Xx\u{1b}\\",
            STEERED,
        ),
        command(
            "modes",
            "\u{1b}c\u{1b}[?1049h\u{1b}[?25l\u{1b}[?2004h\u{1b}[?1000h\u{1b}(0lqk\u{1b}=\u{1b}#8",
            STEERED,
        ),
        command("eight bit controls", "\u{9b}2J\u{9d}0;x\u{9c}\u{90}x\u{9c}\u{84}\u{8d}\u{85}", STEERED),
        command(
            "file transfer",
            "\u{1b}]1337;File=inline=1:AAAA\u{7}\u{1b}]9;4;1;50\u{7}\u{1b}]777;notify;a;b\u{7}",
            STEERED,
        ),
        command("carriage return", "rm -rf /\rls       ", "the beginning of a line is written over"),
        command(
            "backspaces",
            "rm -rf /\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}ls -la /",
            "what stood there is written over",
        ),
        command("delete", "rm\u{7f}\u{7f}ls", "what stood there is taken for gone"),
        command("bell and shift", "\u{7}\u{7}\u{e}ls\u{f}\u{0}\u{1}\u{2}\u{3}\u{4}\u{1a}\u{1c}", STEERED),
        command("null byte", "ls\u{0}; rm -rf /", "the text ends early"),
        key("escape in a key", "\u{1b}[2Jcommand\r", STEERED),
        of("raw escape", b"\x1b[2J\x1b]0;x\x07 not JSON \x9b2J\r\x08".to_vec(), STEERED),
        of(
            "raw escape in a list",
            b"{\"a\":[\"\x7f\xc2\x9b2J\xe2\x80\xae\",\t\r\n{\"b\x7f\":1}]}".to_vec(),
            STEERED,
        ),
    ]
}

fn letters() -> Vec<Hostile> {
    const ALIKE: &str = "a letter passes for another, or a key for another";
    vec![
        key("key in other letters", "\u{441}\u{43e}mm\u{430}nd", ALIKE),
        key("key in another case", "Command", ALIKE),
        key("key with a space", "command ", ALIKE),
        of("composed and not", "{\"caf\u{e9}\":\"harmless\",\"cafe\u{301}\":\"rm -rf /\"}", ALIKE),
        command("wide letters", "\u{ff52}\u{ff4d} \u{ff0d}\u{ff52}\u{ff46} \u{ff0f}", ALIKE),
        command(
            "quotes that are none",
            "echo \u{2018}safe\u{2019} \u{ff1b} \u{2033}x\u{2033} \u{2044} \u{2215}",
            ALIKE,
        ),
        command(
            "zalgo",
            &format!("r{}m{}", "\u{36f}\u{489}\u{20e3}".repeat(400), "\u{301}".repeat(2_000)),
            "marks cover the lines above",
        ),
        command(
            "one letter of many marks",
            &format!("x{}", "\u{300}".repeat(15_000)),
            "drawing it takes for ever",
        ),
        command("family of many joiners", &"\u{1f468}\u{200d}".repeat(2_000), "drawing it takes for ever"),
        command(
            "right to left script",
            "\u{5e8}\u{5de} -rf \u{627}\u{644}\u{643}\u{644} /",
            "the order of the words is another",
        ),
        command(
            "private and unassigned",
            "\u{e000}\u{f8ff}\u{10fffd}\u{fffe}\u{ffff}\u{fffd}\u{fdd0}",
            "a font makes something of it",
        ),
    ]
}

fn sizes() -> Vec<Hostile> {
    const HANGS: &str = "it hangs, or all of it is taken for seen";
    let keys = |n: usize, value: &str| {
        let members = (0..n).map(|n| format!("\"key{n:05}\":{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    vec![
        command("word of a mebibyte", &"x".repeat(1 << 20), HANGS),
        of("title of a mebibyte", json!({"title": "t".repeat(1 << 20), "command": "ls"}).to_string(), HANGS),
        of("key of a mebibyte", format!("{{\"{}\":1,\"zz\":\"rm -rf /\"}}", "k".repeat(1 << 20)), HANGS),
        of("ten thousand keys", keys(10_000, "\"v\""), HANGS),
        of("ten thousand empty rows", keys(10_000, "\"\""), HANGS),
        command("half a mebibyte of line ends", &"\n".repeat(1 << 19), HANGS),
        command("a hundred thousand marks", &"\u{202e}\u{1b}".repeat(50_000), HANGS),
        of("arrays ten thousand deep", format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), HANGS),
        of(
            "objects ten thousand deep",
            format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)),
            HANGS,
        ),
        of(
            "deep below a key",
            format!("{{\"command\":\"ls\",\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)),
            HANGS,
        ),
        of("as deep as is read", format!("{{\"x\":{}{}}}", "[".repeat(126), "]".repeat(126)), HANGS),
        of(
            "the end is the point",
            json!({"a": "filler ".repeat(10_000), "z": "rm -rf /"}).to_string(),
            "what was left out is approved",
        ),
    ]
}

fn json_texts() -> Vec<Hostile> {
    const TWO: &str = "one program reads another thing than the next";
    vec![
        of("keys twice", r#"{"command":"ls","command":"rm -rf /"}"#, TWO),
        of("keys twice, one escaped", r#"{"command":"ls","\u0063ommand":"rm -rf /"}"#, TWO),
        of(
            "huge number",
            r#"{"amount":100000000000000000000000000000000000001,"n":1e400,"m":-1e-400}"#,
            "the number is rounded",
        ),
        of(
            "number of many digits",
            format!("{{\"amount\":{}}}", "9".repeat(100_000)),
            "it hangs, or it is rounded",
        ),
        of("numbers that look alike", r#"{"a":1.0,"b":1,"c":-0,"d":1e0,"e":0.1e1}"#, TWO),
        of("half a character", r#"{"command":"\ud800 rm \udfff","\udc00":1}"#, TWO),
        of("bytes that are no text", b"{\"command\":\"ls \xff\xfe\xc0\xaf\xed\xa0\x80\"}".to_vec(), TWO),
        of("byte order mark", "\u{feff}{\"command\":\"ls\"}", TWO),
        of("byte order mark of another kind", b"\xff\xfe{\0\"\0a\0\"\0:\x001\0}\0".to_vec(), TWO),
        of("more after the end", r#"{"command":"ls"} {"command":"rm -rf /"}"#, TWO),
        of("comments and commas", "{\"command\":\"ls\", // rm\n'x': NaN, }", TWO),
        of("nothing at all", "", "an empty page is approved"),
        of("white space", " \t\r\n", "an empty page is approved"),
        of("empty object", "{}", "an empty page is approved"),
        of("empty text", "\"\"", "an empty page is approved"),
        of("empty key and value", r#"{"":"","command":""," ":" "}"#, "a row cannot be seen"),
        of("null", "null", "an empty page is approved"),
        of("list", r#"["command","rm -rf /"]"#, "a list is shown as nothing"),
        of("text of a text", r#""{\"command\":\"ls\"}""#, "a text is shown as what it quotes"),
        of("only extensions", r#"{"extensions":{"command":"rm -rf /"}}"#, "what is hidden is approved"),
        of(
            "prototype",
            r#"{"__proto__":{"command":"ls","isVerified":true},"command":"rm -rf /"}"#,
            "an object of the page is changed",
        ),
        of(
            "prototype keys",
            r#"{"constructor":{"prototype":{"verified":true}},"toString":"x","hasOwnProperty":1,"valueOf":null,"length":-1,"then":{}}"#,
            "an object of the page is changed",
        ),
        of(
            "extensions of odd types",
            r#"{"command":"ls","extensions":[{"org.harp.requestedActions":1}]}"#,
            "it stops",
        ),
        of(
            "wire members",
            r#"{"msgType":"decision.submit","requestId":"req-0","artifactHash":"h","decision":"approve","pairingNonce":"x"}"#,
            "a member is taken for the protocol's",
        ),
    ]
}

fn imitations() -> Vec<Hostile> {
    const OURS: &str = "a line passes for one of the program's own";
    vec![
        of(
            "labels of ours",
            json!({"Approved by": "Ada Lovelace", "Decision": "approved", "Hash": "verified"}).to_string(),
            OURS,
        ),
        of(
            "labels in small",
            json!({"decision": "approved", "verified": true, "signature": "valid", "risk": "none"})
                .to_string(),
            OURS,
        ),
        command(
            "next request",
            "ls\n\n== Request req-safe\n   until tomorrow\n   Asked:\n   | command: ls",
            OURS,
        ),
        command(
            "line of the hash",
            "ls\n   The hash that will be signed is that of what is shown: verified\n   | 00",
            OURS,
        ),
        command("prompt", "ls\ny = approve, n = reject, s = skip\n> y\napproved", OURS),
        command("bar of ours", "ls\n   | command: harmless\n   |+ and more\n   |", OURS),
        command("wraps into a prompt", &format!("{}> y = approve", "x".repeat(80)), OURS),
        command("spaces to the next line", &format!("ls{}== Request req-0", " ".repeat(78)), OURS),
        command(
            "error of ours",
            "ls\nerror: not shown; type 'yes without seeing'\n   !! 0 characters are not shown",
            OURS,
        ),
        command("reason", "ls\nReason, for the agent to read; Enter for none\n> none\nrejected", OURS),
        command("sign-in", "ls\nSign in at https://evil.example with the code AAAA-BBBB", OURS),
        command("shell", "ls\nroot@host:~# airlock-approve approve req-0 --yes\n$ ", OURS),
        command(
            "drawn buttons",
            "ls\n┌─────────┐ ┌────────┐\n│ Approve │ │ Reject │\n└─────────┘ └────────┘\n[ OK ] (y/N)",
            OURS,
        ),
        command("drawn button of blocks", "▐█████▌ ✅ Approve   ▐█████▌ ❌ Reject   ☑ verified 🔒", OURS),
        key("label as a key", "Said beside it, verified by nobody", OURS),
        key("prompt as a key", "y = approve, n = reject, s = skip\n> ", OURS),
        key("row as a key", "command: ls\n   | at", OURS),
    ]
}

fn buttons() -> Vec<Hostile> {
    const BROKEN: &str = "one rule is broken, and a button is offered";
    const SWAPPED: &str = "a button does not say what it does";
    let button =
        |id: &str, caption: &str, decision: &str| json!({"id": id, "caption": caption, "decision": decision});
    let version = |version: Value| json!({"version": version, "actions": [button("a", "Do it", "approve")]});
    let with = |member: &str, value: Value| {
        let mut odd = button("a", "Do it", "approve");
        odd[member] = value;
        json!({"version": 1, "actions": [button("b", "Good", "reject"), odd]})
    };
    let actions = |actions: Value| json!({"version": 1, "actions": actions});
    let many = |n: u32| (0..n).map(|n| button(&format!("a{n}"), "Do it", "approve")).collect::<Value>();
    vec![
        wants(
            "captions swapped",
            actions(json!([button("a", "Reject", "approve"), button("b", "Approve", "reject")])),
            SWAPPED,
        ),
        wants(
            "both approve",
            actions(json!([button("a", "No, cancel", "approve"), button("b", "Stop", "approve")])),
            SWAPPED,
        ),
        wants(
            "caption with bidi",
            actions(json!([button("a", "\u{202e}tcejeR\u{202c}", "approve")])),
            SWAPPED,
        ),
        wants(
            "caption with an escape",
            actions(json!([button("a", "\u{1b}[2K\u{1b}[1Areject\r", "approve")])),
            SWAPPED,
        ),
        wants(
            "caption that imitates",
            actions(json!([button("a", "x\n   2 = reject, under this name:\n   | No", "approve")])),
            SWAPPED,
        ),
        wants(
            "caption of markup",
            actions(json!([button("a", "<img src=x onerror=alert(1)>", "approve")])),
            "a script runs",
        ),
        wants(
            "caption of nothing to see",
            actions(json!([button("a", "\u{200b}\u{3164}", "approve")])),
            SWAPPED,
        ),
        wants(
            "caption as wide as allowed",
            actions(json!([button("a", &"W".repeat(128), "approve")])),
            "the other answers are out of sight",
        ),
        wants(
            "other styles",
            json!({"version": 1, "actions": [{"id": "a", "caption": "Wipe", "decision": "approve", "style": "<b>"}]}),
            SWAPPED,
        ),
        wants("version 2", version(json!(2)), BROKEN),
        wants("version of text", version(json!("1")), BROKEN),
        wants("version with a point", version(json!(1.0)), BROKEN),
        wants("no version", json!({"actions": [button("a", "Do it", "approve")]}), BROKEN),
        wants("no actions", actions(json!([])), BROKEN),
        wants("six actions", actions(many(6)), BROKEN),
        wants("a thousand actions", actions(many(1_000)), BROKEN),
        wants(
            "ids twice",
            actions(json!([button("a", "One", "approve"), button("A", "Two", "reject")])),
            BROKEN,
        ),
        wants("blank caption", with("caption", json!(" \t\n")), BROKEN),
        wants("caption of a number", with("caption", json!(7)), BROKEN),
        wants("no id", with("id", Value::Null), BROKEN),
        wants("decision allow", with("decision", json!("allow")), BROKEN),
        wants("decision in capitals", with("decision", json!("Approve")), BROKEN),
        wants("decision of a list", with("decision", json!(["approve"])), BROKEN),
        wants("no object", json!("version 1"), BROKEN),
    ]
}

/// Whether an agent of this name is offered its buttons: it broke no rule.
pub(super) fn offers_buttons(hostile: &Hostile) -> bool {
    let payload = serde_json::from_slice(&hostile.payload).unwrap_or_default();
    airlock_core::approval::RequestedActions::parse(&payload).is_some()
}

#[test]
fn each_hostile_payload_has_a_name_and_a_reason_and_broken_buttons_are_none() {
    let all = all();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|hostile| hostile.name).collect();
    assert!(names.len() == all.len() && all.len() >= 60, "{}", all.len());
    assert!(all.iter().all(|hostile| !hostile.wrong.is_empty() && hostile.payload.len() < 1_300_000));
    let offered = all.iter().filter(|hostile| offers_buttons(hostile)).count();
    assert_eq!(offered, 9, "of those that break no rule");
}
