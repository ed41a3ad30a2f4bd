//! What a plan holds, and what stops one.

use arrow::datatypes::DataType;

use super::*;
use crate::mask::{MaskKind, MaskSpec, Masking, OnMaskError};
use crate::policy::test_catalog::catalog;
use crate::snapshot::{ColumnPlan, EdgePlan, ForeignKeyPlan, TablePlan};

const SHOP: &str = "
    users: id int8 pk, external_id text unique, email text?, phone text?, dob date?, referrer_id int8? -> users.id, plan enum, vec vector?
    accounts: id int4 pk, user_id int8 index -> users.id, iban text
    transactions: id int8 pk, account_id int4 -> accounts.id, merchant_id int4? -> merchants.id, amount numeric(12,2), raw weird?, created_at timestamptz
    merchants: id int4 pk, code text unique, name text
    orders: id uuid pk, user_email text?, note text?
    lines: order_id uuid pk -> orders.id, no int2 pk, qty int4
    parts: order_id uuid pk, line_no int2 pk, part int4 pk; (line_no, order_id) -> lines(no, order_id)
    currencies: code text pk, name text
    people: a int4 pk; view
";

#[track_caller]
fn plan(yaml: &str) -> ExportPlan {
    bind(&Policy::parse(yaml).unwrap_or_else(|f| panic!("{f}")), &catalog(SHOP))
        .unwrap_or_else(|f| panic!("{f}"))
}

#[track_caller]
fn table<'a>(plan: &'a ExportPlan, name: &str) -> &'a TablePlan {
    plan.tables.iter().find(|t| t.name == name).expect("a table of this name")
}

#[track_caller]
fn column<'a>(plan: &'a ExportPlan, place: &str) -> &'a ColumnPlan {
    let (t, c) = place.split_once('.').unwrap();
    table(plan, t).columns.iter().find(|c2| c2.name == c).expect("a column of this name")
}

fn kind(plan: &ExportPlan, place: &str) -> Option<MaskKind> {
    column(plan, place).mask.as_ref().map(|m| m.kind())
}

fn domain<'a>(plan: &'a ExportPlan, place: &str) -> &'a str {
    &column(plan, place).mask.as_ref().expect("a mask").domain
}

/// Refused with exactly these codes.
#[track_caller]
fn refused(yaml: &str, codes: &[LintCode]) -> Findings {
    let policy = Policy::parse(yaml).unwrap_or_else(|f| panic!("{f}"));
    let findings = bind(&policy, &catalog(SHOP)).expect_err("should not bind");
    let found: Vec<_> = findings.iter().map(|f| f.code).collect();
    assert_eq!(found, codes, "{findings}");
    findings
}

/// `users` with these keys, and further tables.
fn users(keys: &str, tables: &[&str]) -> String {
    let more: String = tables.iter().map(|t| format!("\n  - {{{t}}}")).collect();
    format!(
        "root_filter_col: external_id\ntables:\n  - {{name: users, exclude_columns: [vec]{keys}}}{more}\n"
    )
}

const ACCOUNTS: &str = "name: accounts, parent: users, fk: user_id";
const TRANSACTIONS: &str = "name: transactions, parent: accounts, fk: account_id, exclude_columns: [raw]";
const MERCHANTS: &str = "name: merchants, via: transactions, via_fk: merchant_id";

#[test]
fn edges_know_both_sides_and_the_order_of_export() {
    let plan = plan(&users("", &[MERCHANTS, TRANSACTIONS, ACCOUNTS, "name: currencies, scope: global"]));
    let names: Vec<_> = plan.tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["users", "accounts", "transactions", "merchants", "currencies"]);
    assert_eq!(plan.tables[0].edge, EdgePlan::Root { filter: "external_id".into() });
    assert_eq!(
        plan.tables[2].edge,
        EdgePlan::Child { parent: 1, parent_columns: vec!["id".into()], columns: vec!["account_id".into()] }
    );
    assert_eq!(
        plan.tables[3].edge,
        EdgePlan::Lookup {
            via: 2,
            via_columns: vec!["merchant_id".into()],
            columns: vec!["id".into()],
            also: vec![]
        }
    );
    assert_eq!(plan.tables[4].edge, EdgePlan::Global);
    assert_eq!(plan.tables[4].max_rows, 10_000);
    assert_eq!(plan.tables[2].order_by, [("id".to_owned(), false)]);
    assert_eq!(plan.tables[2].excluded_columns, 1);
    assert_eq!(
        table(&plan, "transactions").foreign_keys,
        [
            ForeignKeyPlan {
                columns: vec!["account_id".into()],
                references: "accounts".into(),
                referenced: vec!["id".into()],
                declared: true
            },
            ForeignKeyPlan {
                columns: vec!["merchant_id".into()],
                references: "merchants".into(),
                referenced: vec!["id".into()],
                declared: true
            },
        ]
    );
}

#[test]
fn a_lookup_takes_what_several_tables_point_at() {
    let both =
        "name: merchants, via: transactions, via_fk: merchant_id, edges: [{via: accounts, via_fk: id}]";
    let merged = plan(&users("", &[ACCOUNTS, TRANSACTIONS, both]));
    let EdgePlan::Lookup { also, .. } = &table(&merged, "merchants").edge else { panic!("no lookup") };
    assert_eq!(also, &[(1, vec!["id".to_owned()])]);
    let wider = "name: merchants, via: transactions, via_fk: merchant_id, edges: [{via: users, via_fk: id}]";
    refused(&users("", &[ACCOUNTS, TRANSACTIONS, wider]), &[LintCode::E103]);
    let missing =
        "name: merchants, via: transactions, via_fk: merchant_id, edges: [{via: users, via_fk: nope}]";
    refused(&users("", &[ACCOUNTS, TRANSACTIONS, missing]), &[LintCode::E201]);
}

#[test]
fn composite_keys_follow_the_sources_foreign_key_whatever_its_order() {
    let yaml = "root_table: orders\ntables:\n - {name: orders}\n - {name: lines, parent: orders, fk: order_id}\n - {name: parts, parent: lines, fk: [order_id, line_no]}\n";
    let plan = plan(yaml);
    assert_eq!(
        plan.tables[2].edge,
        EdgePlan::Child {
            parent: 1,
            parent_columns: vec!["order_id".into(), "no".into()],
            columns: vec!["order_id".into(), "line_no".into()],
        }
    );
}

#[test]
fn keys_that_edges_need_are_read_though_not_stored() {
    let plan = plan(&users(
        "",
        &[
            "name: accounts, parent: users, fk: user_id, columns: [iban]",
            "name: transactions, parent: accounts, fk: account_id, columns: [amount], order_by: created_at desc",
        ],
    ));
    assert_eq!(table(&plan, "users").traversal_only, [] as [&str; 0]);
    assert_eq!(table(&plan, "accounts").traversal_only, ["id"]);
    assert_eq!(table(&plan, "transactions").traversal_only, ["created_at"]);
    assert_eq!(table(&plan, "accounts").columns.len(), 1);
    assert_eq!(table(&plan, "transactions").foreign_keys, []);
}

#[test]
fn hidden_columns_are_not_read_unless_an_edge_needs_them() {
    let all = ", mask_columns: {'*': \"null\"}";
    let one = plan(&users(all, &[]));
    assert_eq!(table(&one, "users").traversal_only, ["id"], "something must be read to count rows");
    let two = plan(
        &users(
            ", mask_columns: {id: 'null'}",
            &["name: accounts, parent: users, fk: user_id, exclude_columns: [user_id]"],
        )
        .replace("mask_columns: {id: 'null'}", "mask_columns: {id: 'null', referrer_id: 'null'}"),
    );
    assert_eq!(table(&two, "users").traversal_only, ["id"]);
    assert_eq!(kind(&two, "users.id"), Some(MaskKind::Null));
}

#[test]
fn what_the_role_may_not_read_can_be_hidden_and_is_else_told() {
    let catalog =
        catalog("users: id int8 pk, email text, password text denied, ssn text denied, added text denied");
    let bound =
        |keys: &str| bind(&Policy::parse(&format!("tables: [{{name: users{keys}}}]")).unwrap(), &catalog);
    let names = |keys: &str| {
        let plan = bound(keys).unwrap_or_else(|f| panic!("{f}"));
        plan.tables[0].columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["id", "email"]);
    assert_eq!(names(", exclude_columns: [password], mask_columns: {ssn: null}"), ["id", "email", "ssn"]);
    assert_eq!(names(", mask_columns: {'*s*': hash}"), ["id", "email"], "no one named them");
    for wanted in [", mask_columns: {ssn: hash}", ", columns: [id, ssn]", ", order_by: ssn"] {
        let told = bound(wanted).unwrap_err().to_string();
        assert!(told.contains("the role may not read `public.users.ssn`"), "{told}");
    }
}

#[test]
fn columns_of_a_type_that_cannot_be_exported_pass_when_hidden() {
    let plan = plan("root_filter_col: external_id\ntables: [{name: users, mask_columns: {vec: null}}]");
    let vec = column(&plan, "users.vec");
    assert_eq!((&vec.data_type, vec.nullable), (&DataType::Utf8View, true));
    refused("root_filter_col: external_id\ntables: [{name: users}]", &[LintCode::E302]);
    refused(
        "root_filter_col: external_id\ntables: [{name: users, mask_columns: {vec: redact}}]",
        &[LintCode::E302],
    );
}

#[test]
fn a_hash_spreads_over_everything_that_is_joined() {
    let plan = plan(&users(", mask_columns: {id: hash}", &[ACCOUNTS]));
    for place in ["users.id", "users.referrer_id", "accounts.user_id"] {
        assert_eq!(kind(&plan, place), Some(MaskKind::HashInt), "{place}");
        assert_eq!(domain(&plan, place), "users.id", "{place}");
        assert_eq!(column(&plan, place).data_type, DataType::Int64, "{place}");
    }
    assert_eq!(kind(&plan, "accounts.id"), None);
    let reverse = self::plan(&users(
        "",
        &["name: accounts, parent: users, fk: user_id, mask_columns: {user_id: hash_int}"],
    ));
    assert_eq!(kind(&reverse, "users.id"), Some(MaskKind::HashInt));
}

#[test]
fn integers_of_different_widths_share_the_narrowest() {
    let catalog = catalog("users: id int8 pk\nposts: id int8 pk, user_id int2 -> users.id");
    let policy = Policy::parse(
        "tables: [{name: users, mask_columns: {id: hash}}, {name: posts, parent: users, fk: user_id}]",
    )
    .unwrap();
    let plan = bind(&policy, &catalog).unwrap();
    for place in ["users.id", "posts.user_id"] {
        let mask = column(&plan, place).mask.as_ref().unwrap();
        assert_eq!(mask.masking.steps, [MaskSpec::HashInt { bits: 15, key: "k1".into() }]);
    }
    assert_eq!(column(&plan, "users.id").data_type, DataType::Int64);
}

#[test]
fn classes_of_mixed_types_hash_to_text() {
    let yaml = users(
        ", mask_columns: {external_id: {kind: hash, domain: party}}",
        &["name: accounts, parent: users, fk: user_id, mask_columns: {id: {kind: hash, domain: party}}"],
    );
    let plan = plan(&yaml);
    for place in ["users.external_id", "accounts.id"] {
        assert_eq!(kind(&plan, place), Some(MaskKind::Hash));
        assert_eq!(column(&plan, place).data_type, DataType::Utf8View);
        assert_eq!(domain(&plan, place), "domain:party");
    }
}

#[test]
fn same_as_joins_what_no_key_joins() {
    let yaml = "root_table: orders\ntables:\n - {name: orders, mask_columns: {user_email: {kind: email, same_as: lines.qty}}}\n - {name: lines, parent: orders, fk: order_id}\n";
    let _ = refused(yaml, &[LintCode::E202]);
    let plan = plan(&users(", mask_columns: {email: hash, phone: {kind: hash, same_as: users.email}}", &[]));
    assert_eq!(domain(&plan, "users.phone"), domain(&plan, "users.email"));
    refused(&users(", mask_columns: {phone: {kind: hash, same_as: users.emial}}", &[]), &[LintCode::E201]);
    refused(&users(", mask_columns: {phone: {kind: hash, same_as: user.email}}", &[]), &[LintCode::E201]);
}

#[test]
fn masks_that_differ_within_a_class_are_refused() {
    let accounts =
        |mask: &str| format!("name: accounts, parent: users, fk: user_id, mask_columns: {{user_id: {mask}}}");
    let with = |users_mask: &str, accounts_mask: &str| {
        users(
            &format!(", mask_columns: {{id: {users_mask}, referrer_id: {users_mask}}}"),
            &[&accounts(accounts_mask)],
        )
    };
    refused(&with("hash", "redact"), &[LintCode::E203; 1]);
    refused(&with("hash", "{kind: hash, key: k2}"), &[LintCode::E203]);
    refused(&with("hash", "{kind: clear, reason: r}"), &[LintCode::E203]);
    refused(&users(", mask_columns: {id: redact}", &[ACCOUNTS]), &[LintCode::E203, LintCode::E203]);
    // Equal in effect: hash on integers is hash_int.
    let same = plan(&with("hash", "{kind: hash_int}"));
    assert_eq!(kind(&same, "accounts.user_id"), Some(MaskKind::HashInt));
    // The same mask everywhere breaks joins, but hides alike.
    assert_eq!(kind(&plan(&with("redact", "redact")), "accounts.user_id"), Some(MaskKind::Redact));
}

#[test]
fn exact_names_win_and_wildcards_must_agree() {
    let plan = plan(&users(
        ", mask_columns: {'*': redact, email: hash, id: {kind: clear, reason: r}, referrer_id: {kind: clear, reason: r}}",
        &[],
    ));
    assert_eq!(kind(&plan, "users.email"), Some(MaskKind::Hash));
    assert_eq!(kind(&plan, "users.phone"), Some(MaskKind::Redact));
    assert_eq!(kind(&plan, "users.id"), None);
    refused(&users(", mask_columns: {'e*': redact, '/.*mail/': hash}", &[]), &[LintCode::E203]);
}

#[test]
fn names_that_the_source_does_not_have_are_refused() {
    use LintCode::{E102, E201};
    refused(&users(", mask_columns: {emial: hash}", &[]), &[E201]);
    refused(&users(", columns: [idd], order_by: created", &[]), &[E201, E201, E201]);
    refused(
        "root_filter_col: external_id\ntables: [{name: users, exclude_columns: [vec, gone], column_descriptions: {gone: x}}]",
        &[E201, E201],
    );
    refused(&users("", &["name: acounts, parent: users, fk: user_id"]), &[E201]);
    refused(&users("", &["name: accounts, parent: users, fk: uid"]), &[E201]);
    refused(&users("", &["name: accounts, parent: users, fk: user_id, parent_key: idd"]), &[E201]);
    let findings =
        refused("root_filter_col: email\ntables: [{name: users, exclude_columns: [vec]}]", &[E102]);
    assert!(findings.to_string().contains("unique columns: `id`, `external_id`"), "{findings}");
    refused("root_filter_col: uid\ntables: [{name: users, exclude_columns: [vec]}]", &[E102]);
    refused("root_table: people\nroot_filter_col: b\ntables: [{name: people}]", &[E102]);
}

#[test]
fn keys_that_point_nowhere_or_cannot_be_compared_are_refused() {
    use LintCode::{E103, E205};
    refused(
        "root_filter_col: external_id\ntables: [{name: users, exclude_columns: [vec, id, referrer_id]}, {name: accounts, parent: users, fk: user_id}]",
        &[E205],
    );
    plan(
        "root_filter_col: external_id\ntables: [{name: users, exclude_columns: [vec, id]}, {name: accounts, parent: users, fk: user_id, exclude_columns: [user_id]}]",
    );
    refused(&users("", &["name: accounts, parent: users, fk: iban"]), &[E103]);
    refused(&users("", &["name: accounts, parent: users, fk: [user_id, id]"]), &[E103]);
}

#[test]
fn masks_that_do_not_apply_are_refused() {
    for mask in [
        "dob: partial",
        "dob: email",
        "email: hash_int",
        "email: date_trunc",
        "dob: {kind: constant, value: 1}",
        "dob: [hash, date_trunc]",
    ] {
        refused(&users(&format!(", mask_columns: {{{mask}}}"), &[]), &[LintCode::E202]);
    }
}

#[test]
fn nullability_is_promised_only_where_nothing_can_fail() {
    let plan = plan(&users(", mask_columns: {external_id: hash}", &[ACCOUNTS, TRANSACTIONS]));
    assert!(!column(&plan, "users.id").nullable);
    assert!(column(&plan, "users.external_id").nullable, "a mask may fail on a cell");
    assert!(column(&plan, "users.email").nullable);
    assert!(column(&plan, "transactions.amount").nullable, "NaN becomes NULL");
    assert_eq!(column(&plan, "users.plan").labels, ["a", "b"]);
    let masked = self::plan(&users(", mask_columns: {plan: redact}", &[]));
    assert_eq!(column(&masked, "users.plan").labels, [] as [&str; 0]);
}

#[test]
fn the_whole_mask_reaches_the_plan() {
    let plan = plan(&users(", mask_columns: {email: [{kind: scrub, on_error: fail}, truncate]}", &[]));
    let mask = column(&plan, "users.email").mask.as_ref().unwrap();
    let Masking { steps, on_error, .. } = &mask.masking;
    assert_eq!((steps.len(), *on_error), (2, OnMaskError::Fail));
    assert_eq!(mask.domain, "users.email");
}

#[test]
fn one_source_table_may_stand_twice() {
    let plan = plan(&users(
        ", mask_columns: {id: hash}",
        &["name: users, as: referrers, via: users, via_fk: referrer_id, exclude_columns: [vec]"],
    ));
    assert_eq!(domain(&plan, "referrers.id"), "users.id");
    assert_eq!(domain(&plan, "users.referrer_id"), "users.id");
}
