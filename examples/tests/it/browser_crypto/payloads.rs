//! What an enforcer may send: JSON of every kind, what only looks like it, and no JSON at all. The same ones in every run.

use airlock_core::crypto::sha256;

/// Numbers as if thrown: SHA-256 over a counter.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        Self(0)
    }
    fn below(&mut self, n: usize) -> usize {
        self.0 += 1;
        let hash = sha256(&[b"browser_crypto", &self.0.to_le_bytes()]);
        (u64::from_le_bytes(hash[..8].try_into().unwrap()) % n as u64) as usize
    }
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(super) fn payload(&mut self) -> Vec<u8> {
        match self.below(20) {
            0 => (0..self.below(80)).map(|_| self.below(256) as u8).collect(),
            1 => self.text(200).into_bytes(),
            2 => self.value(4).into_bytes(),
            3 => format!(r#"{{"a":"{}","b":1}}"#, "x😀".repeat(4_990 + self.below(30))).into_bytes(),
            4 => self.buttons().into_bytes(),
            _ => self.object(4).into_bytes(),
        }
    }

    // As it stands in JSON, quoted, some of it escaped.
    fn string(&mut self) -> String {
        let text = self.text(12);
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c < ' ' || self.below(6) == 0 => {
                    c.encode_utf16(&mut [0; 2])
                        .iter()
                        .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
                }
                c => out.push(c),
            }
        }
        if self.below(40) == 0 {
            out.push_str(self.one(&["\\ud800", "\\udc00x", "\\ud83d\\ud83d"]));
        }
        out.push('"');
        out
    }
    fn text(&mut self, chars_max: usize) -> String {
        (0..self.below(chars_max)).map(|_| self.character()).collect()
    }
    fn character(&mut self) -> char {
        match self.below(8) {
            0 => self.one(&ACTIVE),
            1 => self.one(&['"', '\\', '{', '}', '[', ']', ',', ':', '\n', '\r', '\t', ' ']),
            2 => char::from_u32(self.below(0x11_0000) as u32).unwrap_or('\u{ffff}'),
            _ => char::from(b' ' + self.below(95) as u8),
        }
    }
    fn number(&mut self) -> String {
        let mut out = String::from(self.one(&["", "-"]));
        out.push(char::from(b'1' + self.below(9) as u8));
        (0..self.below(40)).for_each(|_| out.push(char::from(b'0' + self.below(10) as u8)));
        out.push_str(self.one(&["", ".0", ".25", "e5", "E+7", "e-9", "e400"]));
        out
    }
    fn space(&mut self) -> &'static str {
        self.one(&["", "", "", " ", "\n\t", "\r\n  "])
    }
    fn value(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => (self.one(&["null", "true", "false", "0", "-0", "1.0"])).to_owned(),
            1 => self.number(),
            2 | 3 => self.string(),
            4 | 5 => self.list(depth),
            _ => self.object(depth),
        }
    }
    fn list(&mut self, depth: usize) -> String {
        let items: Vec<String> = (0..self.below(4)).map(|_| self.value(depth - 1)).collect();
        format!("[{}{}]", self.space(), items.join(&format!("{},{}", self.space(), self.space())))
    }
    fn object(&mut self, depth: usize) -> String {
        let mut members = Vec::new();
        for _ in 0..self.below(6) {
            let name = match self.below(3) {
                0 => self.string(),
                _ => format!(
                    "\"{}\"",
                    self.one(&["a", "b", "", "\u{ffff}", "😀", "\u{e000}", "__proto__", "extensions"])
                ),
            };
            members.push(format!(
                "{}{name}{}:{}{}",
                self.space(),
                self.space(),
                self.space(),
                self.value(depth.saturating_sub(1))
            ));
        }
        format!("{{{}}}{}", members.join(","), self.space())
    }
    fn buttons(&mut self) -> String {
        let mut actions = Vec::new();
        for _ in 0..self.below(7) {
            let id = self.one(&["\"a\"", "\"A\"", "\"b\"", "\"c\"", "\"d\"", "\"e\"", "\"Σ\"", "\"ς\""]);
            let word = self.one(&[
                "\"approve\"",
                "\"reject\"",
                "\"reject\"",
                "\"approve\"",
                "\"approve\"",
                "\"allow\"",
            ]);
            let style = self.one(&["\"primary\"", "\"danger\"", "\"\"", "null", "\"secondary\""]);
            let caption =
                self.one(&["\" Do it\\u0085\"", "\"\u{feff}no\"", "\"\u{202e}on\"", "\"Go\"", "\"Stop\""]);
            actions.push(format!(r#"{{"id":{id},"caption":{caption},"decision":{word},"style":{style}}}"#));
        }
        let version = self.one(&["1", "1", "1", "1", "1.0", "2"]);
        buttons(version, &format!("[{}]", actions.join(",")))
    }
}

fn buttons(version: &str, actions: &str) -> String {
    format!(
        r#"{{"command":"ls","extensions":{{"org.harp.requestedActions":{{"version": {version} ,"actions":{actions}}}}}}}"#
    )
}

// One of each class of what is written out, and neighbours that are not.
const ACTIVE: [char; 40] = [
    '\0',
    '\u{7}',
    '\u{1b}',
    '\u{7f}',
    '\u{85}',
    '\u{9b}',
    '\u{a0}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{1680}',
    '\u{17b4}',
    '\u{180e}',
    '\u{2003}',
    '\u{200b}',
    '\u{200d}',
    '\u{200f}',
    '\u{2028}',
    '\u{2029}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{206f}',
    '\u{2800}',
    '\u{3000}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fff9}',
    '\u{fffc}',
    '\u{fffd}',
    '\u{1d173}',
    '\u{e0001}',
    '\u{e0041}',
    '\u{e01ef}',
    '\u{301}',
    'é',
];

/// Written by hand, each for a reason that a reader sees.
pub(super) fn hostile() -> Vec<Vec<u8>> {
    let action = |more: &str| format!(r#"{{"id":"a","caption":"Do","decision":"approve"{more}}}"#);
    let mut texts: Vec<String> = [
        "", " ", "null", "{}", " {} ", "[]", "\"text\"", "\"a\\nb\"", "7", "1e400", "-", "NaN", "{", "{\"a\":1,}", "{\"a\":1}{}", "{a:1}",
        "\u{feff}{\"a\":1}", "\u{a0}{}", "{\"a\":1,\"a\":{\"b\":2},\"\\u0061\":3}", "{\"\\ud800\":1}", "{\"a\":\"\\ud800\"}",
        "{\"a\\nb\\u001b[1A\":\"ls\\ncommand: harmless\"}", "{\"a\":[\"b\u{9b}\u{7f}c\"]}", "{\"a\":{ },\"b\":[ ],\"c\":[\n]}",
        "{\"amount\":123456789012345678901234567890,\"z\":1.0}", "{\"list\":[1,{\"a\":\"b,\\\"{\\\\\"}]}", "{\"__proto__\":{\"x\":1},\"constructor\":2}",
        "{\"extensions\":1}", "{\"\u{ffff}\":1,\"😀\":2,\"\u{20ac}\":3,\"a\":4,\"\":5}", "<img src=x onerror=alert(1)>", "safe\r\nrm -rf /",
        "{\"__proto__\":{\"extensions\":{\"org.harp.requestedActions\":{\"version\":1,\"actions\":[{\"id\":\"a\",\"caption\":\"b\",\"decision\":\"approve\"}]}}}}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push(ACTIVE.iter().collect());
    texts.push(format!("{{\"{}\":1}}", "n".repeat(1_000)));
    texts.push(format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100)));
    texts.push("[".repeat(20_000));
    for depth in [126, 127, 128] {
        let deep = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        texts.push(buttons(
            "1",
            &format!("[{}],\"deep\":1}}}},\"x\":{deep},\"y\":{{\"z\":{{\"w\":1", action("")),
        ));
    }
    for version in ["1", "1.0", "1e0", "01", "\"1\"", "true", "null", "10", "-1"] {
        texts.push(buttons(version, &format!("[{}]", action(""))));
    }
    for more in [
        ",\"style\":\"primary\"",
        ",\"style\":null",
        ",\"style\":1",
        ",\"style\":\"blinking\"",
        ",\"decision\":\"Approve\"",
        ",\"decision\":true",
        ",\"caption\":\" \\n\"",
        ",\"caption\":\"\\u0085\"",
        ",\"caption\":\"\\ufeff\"",
        ",\"caption\":null",
        ",\"id\":\"\"",
        ",\"id\":7",
        ",\"x\":\"\\ud800\"",
        ",\"x\":1e400",
    ] {
        texts.push(buttons("1", &format!("[{}]", action(more))));
    }
    for length in [128, 129] {
        texts.push(buttons(
            "1",
            &format!("[{}]", action(&format!(",\"caption\":\"{}\"", "😀".repeat(length)))),
        ));
    }
    let named = |id: &str| format!(r#"{{"id":"{id}","caption":"C","decision":"reject"}}"#);
    for ids in [
        &["Ä", "ä"][..],
        &["a", "b", "c", "d", "e"],
        &["a", "b", "c", "d", "e", "f"],
        &["ΑΣ", "ας"],
        &["İ", "i̇"],
        &[],
    ] {
        let actions: Vec<String> = ids.iter().map(|id| named(id)).collect();
        texts.push(buttons("1", &format!("[{}]", actions.join(","))));
    }
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    // No UTF-8: a stray byte, a cut character, an overlong one, a surrogate, in text and in JSON.
    let broken: [&[u8]; 6] = [
        b"\xffa\0",
        b"a\xe2\x82",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"{\"a\":\"\xf0\x9f\x98\"}",
        b"{\"\xff\":1}",
    ];
    all.extend(broken.map(<[u8]>::to_vec));
    all
}
