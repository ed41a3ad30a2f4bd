//! Check digits and number ranges: what tells an identifier from any other number.

/// Whether digits satisfy the Luhn formula (ISO/IEC 7812-1).
pub(super) fn is_luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(d - b'0');
            if i % 2 == 0 { d } else { 2 * d / 10 + 2 * d % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether lower-case letters and digits are an IBAN (ISO 13616): a known country, its length, 1 modulo 97.
pub(super) fn is_iban(text: &[u8]) -> bool {
    let [c1, c2, check @ ..] = text else { return false };
    let Some((_, length)) = IBAN_LENGTHS.iter().find(|(country, _)| country.as_bytes() == [*c1, *c2]) else {
        return false;
    };
    if text.len() != *length || check.len() < 2 {
        return false;
    }
    let rearranged = text[4..].iter().chain(&text[..4]);
    let rest = rearranged.fold(0u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'a') + 10) % 97,
    });
    rest == 1
}

/// The length of an IBAN of the country that the text begins with.
pub(super) fn iban_length(text: &[u8]) -> Option<usize> {
    IBAN_LENGTHS.iter().find(|(country, _)| text.starts_with(country.as_bytes())).map(|(_, length)| *length)
}

/// Whether nine digits are in the ranges of the US Social Security Administration: area not 000, 666 or 9xx, group not
/// 00, serial not 0000.
pub(super) fn is_ssn(digits: &[u8]) -> bool {
    let [area @ .., g1, g2, s1, s2, s3, s4] = digits else { return false };
    area.len() == 3
        && area != b"000"
        && area != b"666"
        && area[0] != b'9'
        && [*g1, *g2] != *b"00"
        && [*s1, *s2, *s3, *s4] != *b"0000"
}

/// Whether the text is a calendar date like 2026-01-31, which has as many digits as a telephone number.
pub(super) fn is_iso_date(text: &str) -> bool {
    let b = text.as_bytes();
    text.len() == 10
        && b[4] == b'-'
        && b[7] == b'-'
        && (text.starts_with("19") || text.starts_with("20"))
        && text[5..7].parse::<u8>().is_ok_and(|month| (1..=12).contains(&month))
        && text[8..].parse::<u8>().is_ok_and(|day| (1..=31).contains(&day))
}

/// Source: SWIFT IBAN Registry.
#[rustfmt::skip]
const IBAN_LENGTHS: [(&str, usize); 89] = [
    ("ad", 24), ("ae", 23), ("al", 28), ("at", 20), ("az", 28), ("ba", 20), ("be", 16), ("bg", 22), ("bh", 22),
    ("bi", 27), ("br", 29), ("by", 28), ("ch", 21), ("cr", 22), ("cy", 28), ("cz", 24), ("de", 22), ("dj", 27),
    ("dk", 18), ("do", 28), ("ee", 20), ("eg", 29), ("es", 24), ("fi", 18), ("fk", 18), ("fo", 18), ("fr", 27),
    ("gb", 22), ("ge", 22), ("gi", 23), ("gl", 18), ("gr", 27), ("gt", 28), ("hn", 28), ("hr", 21), ("hu", 28),
    ("ie", 22), ("il", 23), ("iq", 23), ("is", 26), ("it", 27), ("jo", 30), ("kw", 30), ("kz", 20), ("lb", 28),
    ("lc", 32), ("li", 21), ("lt", 20), ("lu", 20), ("lv", 21), ("ly", 25), ("mc", 27), ("md", 24), ("me", 22),
    ("mk", 19), ("mn", 20), ("mr", 27), ("mt", 31), ("mu", 30), ("ni", 28), ("nl", 18), ("no", 15), ("om", 23),
    ("pk", 24), ("pl", 28), ("ps", 29), ("pt", 25), ("qa", 29), ("ro", 24), ("rs", 22), ("ru", 33), ("sa", 24),
    ("sc", 31), ("sd", 18), ("se", 24), ("si", 19), ("sk", 24), ("sm", 27), ("so", 23), ("st", 25), ("sv", 28),
    ("tl", 23), ("tn", 24), ("tr", 26), ("ua", 29), ("va", 22), ("vg", 24), ("xk", 20), ("ye", 30),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_knows_test_cards() {
        for good in ["4111111111111111", "378282246310005", "6011111111111117", "5555555555554444"] {
            assert!(is_luhn(good.bytes()), "{good}");
        }
        assert!(!is_luhn("4111111111111112".bytes()));
    }

    #[test]
    fn ibans_have_a_country_a_length_and_a_remainder() {
        for good in [
            "de89370400440532013000",
            "gb29nwbk60161331926819",
            "no9386011117947",
            "mt84malt011000012345mtlcast001s",
        ] {
            assert!(is_iban(good.as_bytes()), "{good}");
        }
        for bad in ["de89370400440532013001", "zz89370400440532013000", "de8937040044053201300", "de", ""] {
            assert!(!is_iban(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn ssns_leave_out_the_ranges_never_given() {
        assert!(is_ssn(b"123456789"));
        for bad in ["000456789", "666456789", "900456789", "123006789", "123450000", "12345678", ""] {
            assert!(!is_ssn(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn dates_are_not_telephone_numbers() {
        assert!(is_iso_date("2026-01-31") && is_iso_date("1999-12-01"));
        for bad in ["2026-13-01", "2026-00-10", "5551-23-45", "2026-01-32", "2026 01-31"] {
            assert!(!is_iso_date(bad), "{bad}");
        }
    }
}
