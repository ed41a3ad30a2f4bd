use super::*;

const ALL: [Entity; 8] = [
    Entity::Email,
    Entity::Phone,
    Entity::Card,
    Entity::Iban,
    Entity::Ssn,
    Entity::Ip,
    Entity::Url,
    Entity::Crypto,
];

fn scrubbed(entities: &[Entity], known: &[&str], text: &str) -> String {
    let mut values = KnownValues::new(99);
    known.iter().for_each(|v| values.learn(v));
    let mut out = String::new();
    Scrubber::new(entities, None).write(text, &values, &mut out).unwrap();
    out
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(scrubbed(&ALL, &[], text), expected);
}

#[track_caller]
fn gone(text: &str, secret: &str) {
    let out = scrubbed(&ALL, &[], text);
    assert!(!out.to_lowercase().contains(secret), "{text:?} -> {out:?}");
}

#[test]
fn plain_entities_are_replaced_by_their_name() {
    check("write to alice@example.com, please", "write to <EMAIL>, please");
    check("call +1 (555) 123-4567 now", "call <PHONE> now");
    check("card 4111 1111 1111 1111.", "card <CARD>.");
    check("to DE89 3704 0044 0532 0130 00 today", "to <IBAN> today");
    check("ssn 123-45-6789", "ssn <SSN>");
    check("from 192.168.10.254 and 2001:db8::1!", "from <IP> and <IP>!");
    check("see https://example.com/u/42?token=abc.", "see <URL>.");
    check("eth 0x52908400098527886E0F7030069857D2E4169EE7", "eth <CRYPTO>");
    check("btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa ok", "btc <CRYPTO> ok");
    check("btc bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "btc <CRYPTO>");
}

#[test]
fn ordinary_text_stays() {
    for text in [
        "",
        "Nothing here.",
        "Paid 42.50 EUR on 2026-01-31 for 3 items",
        "version 1.2.3",
        "at 10:30",
        "room 101-B",
        "and/or",
        "😀 naïve Ünïcödé",
        "<b>bold</b>",
        "50% off & more",
    ] {
        check(text, text);
    }
}

#[test]
fn disguised_addresses_go() {
    for text in [
        "ALICE@EXAMPLE.COM",
        "alice＠example.com",
        "ａｌｉｃｅ@example．com",
        "al\u{200b}ice@exa\u{ad}mple.com",
        "alice\u{2060}@example.com",
        "alice @ example.com",
        "alice(at)example(dot)com",
        "alice [at] example [dot] com",
        "alice at example dot com",
        "alice%40example.com",
        "alice\\u0040example.com",
        "alice&#64;example.com",
        "<alice@example.com>",
        "\"alice@example.com\"",
        "(alice@example.com)",
        "mailto:alice@example.com",
        "https://x.test/?mail=alice@example.com&x=1",
        "alice@localhost",
        "\"alice a\"@example.com",
        "alice@[192.168.0.1]",
        "alice+tag@sub.example.co.uk",
        "аliсe.alice@example.com",
        "{alice@example.com}",
    ] {
        gone(text, "alice");
    }
    gone("José.Müller@exämple.com", "müller");
    gone("jose\u{301}@example.com", "jose");
}

#[test]
fn disguised_numbers_go() {
    for text in [
        "5551234567",
        "555-123-4567",
        "555.123.4567",
        "(555) 123 4567",
        "+49 (0)30 / 123 45 67",
        "555\u{2011}123\u{2011}4567",
        "５５５１２３４５６７",
        "555\u{200b}123\u{200b}4567",
        "tel:5551234567",
        "x5551234567x",
        "555 123\n4567",
        "555_123_4567",
        "0049301234567 ext. 12",
    ] {
        let digits: String = scrubbed(&ALL, &[], text).chars().filter(|c| c.is_numeric()).collect();
        assert_eq!(digits, "", "{text}");
    }
    let digits: String = scrubbed(&ALL, &[], "٠٥٥١٢٣٤٥٦٧").chars().filter(|c| c.is_numeric()).collect();
    assert_eq!(digits, "");
}

#[test]
fn each_entity_is_found_without_the_others() {
    let only = |entity, text| scrubbed(&[entity], &[], text);
    // Some window of the longer run satisfies Luhn's formula as well, so more goes than the card.
    assert_eq!(only(Entity::Card, "ref 12 4111-1111-1111-1111"), "ref <CARD>");
    assert_eq!(only(Entity::Card, "1234 5678 9012 3 x"), "1234 5678 9012 3 x");
    assert_eq!(only(Entity::Ssn, "1123-45-6789"), "1123-45-6789");
    assert_eq!(only(Entity::Ssn, "n123 45 6789n 000-12-3456"), "n<SSN>n 000-12-3456");
    assert_eq!(only(Entity::Iban, "at 12 GB29 NWBK 6016 1331 9268 19 is mine"), "at 12 <IBAN> is mine");
    assert_eq!(only(Entity::Iban, "xgb29nwbk60161331926819"), "x<IBAN>");
    assert_eq!(only(Entity::Ip, "999.1.1.1 ::ffff:10.0.0.1, aa:bb:cc:dd:ee:ff"), "999.1.1.1 <IP>, <IP>");
    assert_eq!(only(Entity::Url, "linkedin.com/in/alice and example.com"), "<URL> and example.com");
    assert_eq!(only(Entity::Phone, "alice@example.com"), "alice@example.com");
}

#[test]
fn known_values_go_and_findings_that_overlap_go_together() {
    assert_eq!(
        scrubbed(&[], &["Alice Smith"], "Dear alice SMITH, Ms. Smith"),
        "Dear <REDACTED>, Ms. <REDACTED>"
    );
    assert_eq!(scrubbed(&ALL, &["alice"], "alice@example.com"), "<EMAIL>");
    assert_eq!(scrubbed(&ALL, &["call 555"], "call 5551234567"), "<PHONE>");
    assert_eq!(scrubbed(&[], &["alice"], "%61lice"), "<REDACTED>");
}

#[test]
fn a_replacement_stands_for_all() {
    let mut out = String::new();
    Scrubber::new(&ALL, Some("[x]".into())).write("a@b.de 1.2.3.4", &KnownValues::new(1), &mut out).unwrap();
    assert_eq!(out, "[x] [x]");
}

#[test]
fn too_long_a_text_is_refused() {
    let text = "a".repeat(TEXT_BYTES_MAX + 1);
    assert_eq!(
        Scrubber::new(&ALL, None).write(&text, &KnownValues::new(1), &mut String::new()),
        Err(BadCell)
    );
}

proptest::proptest! {
    #[test]
    fn an_address_goes_from_any_surroundings(before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let text = format!("{before} qzvx@example.com {after}");
        assert!(!scrubbed(&ALL, &[], &text).contains("qzvx"));
    }

    #[test]
    fn a_known_value_goes_from_any_surroundings(before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let text = format!("{before}qzvxwj{after}");
        assert!(!scrubbed(&[], &["Qzvxwj"], &text).contains("qzvxwj"));
    }
}
