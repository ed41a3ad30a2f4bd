//! Finds cells in bytes, in every form that a careless program might give them.

use super::sample::{CLEAR, NUMBERS, STEM, TEXTS};

/// A form of a cell.
struct Form {
    what: String,
    bytes: Vec<u8>,
    /// Whether letter case counts.
    exact: bool,
}

/// Looks for many forms in one pass: by their first two bytes, then the whole.
pub(crate) struct Finder {
    forms: Vec<Form>,
    /// Forms by their first two bytes.
    begins: Vec<Vec<u16>>,
}

impl Finder {
    /// Of everything that is masked.
    pub(crate) fn of_masked() -> Self {
        let mut forms = of_text(STEM);
        for text in TEXTS {
            forms.extend(of_text(text));
        }
        for number in NUMBERS {
            forms.push(Form { what: number.to_string(), bytes: number.to_string().into(), exact: true });
            // Of fewer digits and bytes there are too many elsewhere by chance.
            if number > i64::from(u32::MAX) {
                let what = format!("{number} in hex");
                forms.push(Form { what, bytes: format!("{number:x}").into(), exact: false });
                for (order, bytes) in [("little", number.to_le_bytes()), ("big", number.to_be_bytes())] {
                    forms.push(Form {
                        what: format!("{number}, {order}-endian"),
                        bytes: bytes.into(),
                        exact: true,
                    });
                }
            }
        }
        let double = 81_726_354.917_2_f64.to_le_bytes();
        forms.push(Form { what: "81726354.9172 as a double".into(), bytes: double.into(), exact: true });
        let decimal = 817_263_549_172_i64.to_le_bytes();
        forms.push(Form { what: "81726354.9172 as a decimal".into(), bytes: decimal.into(), exact: true });
        Self::new(forms)
    }

    /// Of the clear column.
    pub(crate) fn of_clear() -> Self {
        Self::of_texts(&[CLEAR])
    }

    /// Of other texts, in every form.
    pub(crate) fn of_texts(texts: &[&str]) -> Self {
        Self::new(texts.iter().flat_map(|text| of_text(text)).collect())
    }

    /// Of bytes as they are.
    pub(crate) fn of_bytes(found: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self::new(found.into_iter().map(|(what, bytes)| Form { what, bytes, exact: true }).collect())
    }

    fn new(forms: Vec<Form>) -> Self {
        let mut begins = vec![Vec::new(); 1 << 16];
        for (n, form) in forms.iter().enumerate() {
            let (a, b) = (form.bytes[0], form.bytes[1]);
            let cases = |byte: u8| match form.exact {
                true => vec![byte],
                false => vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
            };
            for (a, b) in cases(a).into_iter().flat_map(|a| cases(b).into_iter().map(move |b| (a, b))) {
                let place: &mut Vec<u16> = &mut begins[usize::from(a) << 8 | usize::from(b)];
                if !place.contains(&(n as u16)) {
                    place.push(n as u16);
                }
            }
        }
        Self { forms, begins }
    }

    /// The first form that stands in the bytes, and what stands around it.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        let mut previous = usize::from(*bytes.first()?);
        for (at, byte) in bytes.iter().enumerate().skip(1) {
            let pair = previous << 8 | usize::from(*byte);
            previous = usize::from(*byte);
            if self.begins[pair].is_empty() {
                continue;
            }
            let rest = &bytes[at - 1..];
            let stands = |form: &Form| {
                rest.get(..form.bytes.len()).is_some_and(|here| match form.exact {
                    true => here == form.bytes,
                    false => here.eq_ignore_ascii_case(&form.bytes),
                })
            };
            if let Some(form) =
                self.begins[pair].iter().map(|n| &self.forms[usize::from(*n)]).find(|f| stands(f))
            {
                let around = &bytes[at.saturating_sub(80)..bytes.len().min(at + 120)];
                return Some(format!("{} in …{}…", form.what, around.escape_ascii()));
            }
        }
        None
    }
}

/// A text plainly, in hex, base64, UTF-16, percent signs and JSON escapes; letter case hides none but base64.
fn of_text(text: &str) -> Vec<Form> {
    let each = |write: &dyn Fn(u8) -> Vec<u8>| text.bytes().flat_map(write).collect::<Vec<u8>>();
    let mut forms = vec![
        ("plain", each(&|b| vec![b]), false),
        ("hex", each(&|b| format!("{b:02x}").into_bytes()), false),
        ("UTF-16, little-endian", each(&|b| vec![b, 0]), false),
        ("UTF-16, big-endian", each(&|b| vec![0, b])[1..].to_vec(), false),
        ("percent signs", each(&|b| format!("%{b:02x}").into_bytes()), false),
        ("JSON escapes", each(&|b| format!("\\u{b:04x}").into_bytes()), false),
        ("a list of bytes", each(&|b| format!("{b}, ").into_bytes()), true),
    ];
    // Where the text begins within three bytes decides how it reads; what depends on its neighbours is cut off.
    for shift in 0..3 {
        let mut padded = vec![0; shift];
        padded.extend(text.bytes());
        let encoded = base64(&padded);
        let begin = (shift * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        forms.push(("base64", encoded[begin..end].to_vec(), true));
        let url: Vec<u8> = encoded[begin..end]
            .iter()
            .map(|b| match b {
                b'+' => b'-',
                b'/' => b'_',
                b => *b,
            })
            .collect();
        forms.push(("base64url", url, true));
    }
    let form =
        |(how, bytes, exact): (&str, Vec<u8>, bool)| Form { what: format!("{text} ({how})"), bytes, exact };
    forms.into_iter().map(form).collect()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        out.extend((0..4).rev().map(|n| DIGITS[(bits >> (6 * n) & 63) as usize]));
    }
    out
}

#[test]
fn every_form_of_a_cell_is_found() {
    let finder = Finder::of_masked();
    let cell = format!("{STEM}042");
    let utf16: Vec<u8> = cell.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let found = |bytes: &[u8]| finder.find(&[b"before ", bytes, b" after"].concat()).is_some();
    for text in [cell.clone(), cell.to_uppercase(), "x 7261548390127".into(), format!("k{cell}")] {
        assert!(found(text.as_bytes()), "{text}");
        assert!(!found(text.replace('7', "8").as_bytes()), "{text}");
    }
    for hidden in ["a", "ab", "abc"].map(|before| base64(format!("{before}{cell}").as_bytes())) {
        assert!(found(&hidden));
    }
    assert!(
        found(&utf16)
            && found(&7_261_548_390_127_i64.to_be_bytes())
            && !found(&7_261_548_390_128_i64.to_be_bytes())
    );
    assert!(found(format!("{:?}", cell.as_bytes()).as_bytes()));
    assert_eq!(base64(b"Man is"), b"TWFuIGlz");
}
