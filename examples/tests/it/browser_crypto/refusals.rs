//! What the module refuses, and by which name.

use std::sync::Arc;

use serde_json::json;

use super::called;
use super::life::Enforcers;

/// All encodings of points of small order (RFC 7748, section 6.1, and cr.yp.to/ecdh.html).
pub(super) const SMALL_ORDER: [&str; 14] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];
// The last five are taken by core too.
pub(super) const NOT_BASE64: [&str; 14] = [
    "A", "=", "AA=A", " AQ==", "AQ==\n", "AQ===", "é", "AR==", "-_--AR", "-_--AQ", "-_--AQ==", "+/++AQ=",
    "+_-+AQ", "",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_module_does_not_do_has_a_name() {
    let Some(seen) = called("refusals", &Arc::new(Enforcers::none())).await else { return };
    let check = |what: &str, runs: &[(&str, usize)]| {
        let expected: Vec<&str> =
            runs.iter().flat_map(|&(told, times)| std::iter::repeat_n(told, times)).collect();
        assert_eq!(seen[what], json!(expected), "{what}");
    };
    check("exported", &[("InvalidAccessError", 2)]);
    check("exportedContentKey", &[("InvalidAccessError", 2)]);
    assert_eq!((&seen["clone"], &seen["otherKey"]), (&json!("done"), &json!("tag")));
    assert_eq!(seen["erased"], "unknown_alg");
    check("open", &[("done", 2), ("unknown_alg", 4), ("encoding", 7), ("tag", 3)]);
    check("smallOrder", &[("small_order", SMALL_ORDER.len())]);
    check("keys", &[("key", 8)]);
    check("base64", &[("encoding", 9), ("done", 5)]);
    check("pair", &[("done", 1), ("over", 3), ("not_claimed", 1), ("key", 1), ("field", 7)]);
    check("pairAt", &[("field", 2)]);
    check("sign", &[("done", 1), ("hash", 4), ("done", 2), ("hash", 1), ("field", 12)]);
    check("policy", &[("done", 1), ("not_canonical", 14)]);
    check("policies", &[("not_canonical", 4)]);
    for (text, told) in NOT_BASE64.iter().zip(seen["base64"].as_array().unwrap()) {
        assert_eq!(airlock_core::crypto::decode_any(text).is_ok(), told == "done", "{text:?}");
    }
}
