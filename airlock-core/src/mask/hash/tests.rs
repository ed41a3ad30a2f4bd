use arrow::array::{Decimal128Array, Int16Array, Int32Array, StringArray, StringViewArray};

use super::*;
use crate::mask::MaskKeys;
use crate::secret::Secret;

fn keyed(class: &str) -> Keyed {
    let keys = MaskKeys::new(Secret::new([9; 32]), "t_a".parse().unwrap());
    Keyed { prf: keys.prf("k1", "users.id"), class: class.into() }
}

fn hex_hash(length: usize) -> HexHash {
    HexHash { keyed: keyed("hash"), length, prefix: String::new(), rules: TextRules::default(), uuid: false }
}

fn hashed(hash: &HexHash, array: &dyn Array) -> Vec<Option<String>> {
    let (mut distinct, mut errors) = (Distinct::default(), 0);
    let out = hash.apply(array, &mut distinct, &mut errors).unwrap().unwrap();
    out.as_string_view().iter().map(|v| v.map(str::to_owned)).collect()
}

fn mapped(bits: u32, to: DataType, array: &dyn Array) -> ArrayRef {
    IntHash { keyed: keyed("int"), bits, to }.apply(array, &mut Distinct::default()).unwrap().unwrap()
}

#[test]
fn a_hash_is_the_documented_hmac() {
    let digest = keyed("hash").prf.digest(&[b"42"]);
    let [Some(text)] = &hashed(&hex_hash(16), &StringArray::from(vec!["42"]))[..] else { panic!() };
    assert_eq!(*text, hex::encode(&digest[..8]));
    let prefixed = HexHash { prefix: "c_".into(), ..hex_hash(64) };
    let [Some(text)] = &hashed(&prefixed, &StringArray::from(vec!["42"]))[..] else { panic!() };
    assert_eq!(*text, format!("c_{}", hex::encode(digest)));
}

#[test]
fn the_same_value_hashes_alike_in_every_type() {
    let text = hashed(&hex_hash(16), &StringViewArray::from(vec!["42"]));
    assert_eq!(hashed(&hex_hash(16), &Int32Array::from(vec![42])), text);
    assert_eq!(hashed(&hex_hash(16), &Int64Array::from(vec![42])), text);
    let numeric = Decimal128Array::from(vec![4200]).with_precision_and_scale(10, 2).unwrap();
    assert_eq!(hashed(&hex_hash(16), &numeric), text);
}

#[test]
fn null_and_empty_stay_and_unicode_forms_are_one() {
    let raw =
        StringViewArray::from(vec![None, Some(""), Some("caf\u{e9}"), Some("cafe\u{301}"), Some("CAFÉ")]);
    let out = hashed(&hex_hash(16), &raw);
    assert_eq!(out[..2], [None, Some(String::new())]);
    assert_eq!(out[2], out[3]);
    assert_ne!(out[3], out[4]);
    let lower = HexHash { rules: TextRules { lower: true, ..TextRules::default() }, ..hex_hash(16) };
    let out = hashed(&lower, &raw);
    assert_eq!(out[2], out[4]);
}

#[test]
fn a_uuid_stays_a_uuid_of_version_8() {
    let uuid = HexHash { uuid: true, ..hex_hash(16) };
    let raw = StringViewArray::from(vec![
        "0190163D-8694-739B-AEA5-966C26F8AD91",
        "0190163d-8694-739b-aea5-966c26f8ad91",
    ]);
    let out = hashed(&uuid, &raw);
    let text = out[0].clone().unwrap();
    assert_eq!(out[0], out[1]);
    assert_eq!((text.len(), &text[14..15]), (36, "8"));
    assert!("89ab".contains(&text[19..20]));

    let (mut distinct, mut errors) = (Distinct::default(), 0);
    let out = uuid.apply(&StringViewArray::from(vec!["alice"]), &mut distinct, &mut errors).unwrap().unwrap();
    assert_eq!((out.null_count(), errors), (1, 1));
}

#[test]
fn too_short_a_hash_collides_and_is_found_out() {
    let many: StringViewArray = (0..100_000).map(|i| Some(format!("v{i}"))).collect();
    let result = hex_hash(5).apply(&many, &mut Distinct::default(), &mut 0).unwrap();
    assert_eq!(result.unwrap_err(), Collision);
}

#[test]
fn integers_keep_their_width_and_are_never_negative() {
    let raw = Int16Array::from(vec![Some(1), Some(2), None, Some(i16::MAX)]);
    let out = mapped(15, DataType::Int16, &raw);
    assert_eq!((out.data_type(), out.null_count()), (&DataType::Int16, 1));
    assert!(out.as_primitive::<Int16Type>().iter().flatten().all(|v| v >= 0));
    let raw = Int64Array::from(vec![i64::MIN, -1, 0, 1, 1 << 52, 1 << 60, i64::MAX]);
    let out = mapped(53, DataType::Int64, &raw);
    assert!(out.as_primitive::<Int64Type>().iter().flatten().all(|v| (0..1 << 53).contains(&v)));
}

#[test]
fn an_int4_still_joins_an_int8() {
    let values = [0, 1, 42, 65_536, i32::MAX, -7, i32::MIN];
    let narrow = mapped(31, DataType::Int32, &Int32Array::from(values.to_vec()));
    let wide =
        mapped(53, DataType::Int64, &values.iter().map(|v| Some(i64::from(*v))).collect::<Int64Array>());
    assert_eq!(&cast(&narrow, &DataType::Int64).unwrap(), &wide);
}

#[test]
fn every_small_key_keeps_its_own_image() {
    let all: Int64Array = (0..5000).chain((1 << 31)..(1 << 31) + 100).map(Some).collect();
    let out = mapped(53, DataType::Int64, &all);
    let images: std::collections::HashSet<i64> = out.as_primitive::<Int64Type>().iter().flatten().collect();
    assert_eq!(images.len(), all.len());
}

#[test]
fn numbers_that_do_not_fit_collide_and_are_found_out() {
    let negative: Int64Array = (1..2000).map(|v| Some(-v)).collect();
    let hash = IntHash { keyed: keyed("int"), bits: 8, to: DataType::Int64 };
    assert_eq!(hash.apply(&negative, &mut Distinct::default()).unwrap().unwrap_err(), Collision);
}

fn emails(domain: EmailDomain, values: &[&str]) -> Vec<String> {
    let hash = EmailHash { keyed: keyed("email"), domain, length: 10, rules: TextRules::default() };
    let raw = StringViewArray::from(values.to_vec());
    let out = hash.apply(Texts::of(&raw).unwrap(), &mut Distinct::default(), &mut 0).unwrap();
    out.as_string_view().iter().map(|v| v.unwrap().to_owned()).collect()
}

#[test]
fn an_email_keeps_its_shape_and_at_most_its_domain() {
    let [kept, other, empty] = &emails(EmailDomain::Keep, &["alice@Example.com", "bob@example.com", ""])[..]
    else {
        panic!()
    };
    assert!(kept.starts_with('h') && kept.ends_with("@example.com") && kept.len() == 11 + 12, "{kept}");
    assert_ne!(kept, other);
    assert_eq!(empty, "");
    let hashed = &emails(EmailDomain::Hash, &["alice@example.com", "bob@example.com"]);
    assert_eq!(hashed[0].split('@').next_back(), hashed[1].split('@').next_back());
    assert!(!hashed[0].contains("example.com") && hashed[0].ends_with(".example"));
    assert!(emails(EmailDomain::Constant("example.com".into()), &["a@b.de"])[0].ends_with("@example.com"));
}

#[test]
fn what_is_no_address_shows_nothing_of_itself() {
    for bad in [
        "123-45-6789",
        "alice",
        "a@123",
        "a@123.45",
        "@example.com",
        "ssn@123-45-6789",
        "a b@c d.com",
        "x@y@z",
        "a@-b.com",
    ] {
        let out = &emails(EmailDomain::Keep, &[bad])[0];
        assert!(out.ends_with("@invalid.example"), "{bad} -> {out}");
    }
}
