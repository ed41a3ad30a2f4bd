//! Inferred files parse, bind and say why.

use proptest::prelude::*;

use super::*;
use crate::policy::test_catalog::catalog;
use crate::policy::{Level, lint};
use crate::snapshot::source::{ColumnInfo, ForeignKey, TableInfo, TableKind};

/// A shop modelled on django-oscar: two ways from a user to most tables, a category tree, cycles.
const OSCAR: &str = "
    auth_user: id int4 pk, password text, last_login timestamptz?, is_superuser bool, username text unique, first_name text, last_name text, email text, is_staff bool, date_joined timestamptz
    address_useraddress: id int4 pk, title text, first_name text, last_name text, line1 text, line2 text, line4 text, state text, postcode text, search_text text, phone_number text, notes text, is_default_for_shipping bool, hash text, country_id text -> address_country.iso_3166_1_a2, user_id int4 index -> auth_user.id
    address_country: iso_3166_1_a2 text pk, printable_name text, name text, display_order int2
    basket_basket: id int4 pk, status text, date_created timestamptz, owner_id int4? index -> auth_user.id
    basket_line: id int4 pk, basket_id int4 index -> basket_basket.id, product_id int4 -> catalogue_product.id, stockrecord_id int4 -> partner_stockrecord.id, quantity int4, price_excl_tax numeric(12,2)?
    basket_basket_vouchers: id int4 pk, basket_id int4 index -> basket_basket.id, voucher_id int4 -> voucher_voucher.id
    voucher_voucher: id int4 pk, name text, code text unique
    catalogue_product: id int4 pk, title text, slug text, description text, parent_id int4? -> catalogue_product.id, product_class_id int4? -> catalogue_productclass.id, attributes jsonb, search tsvector?, embedding vector?
    catalogue_productclass: id int4 pk, name text
    partner_stockrecord: id int4 pk, partner_sku text, price numeric(12,2), product_id int4 -> catalogue_product.id, partner_id int4 -> partner_partner.id
    partner_partner: id int4 pk, code text unique, name text
    partner_partner_users: id int4 pk, partner_id int4 -> partner_partner.id, user_id int4 -> auth_user.id
    order_order: id int4 pk, number text unique, total numeric(12,2), guest_email text, date_placed timestamptz, user_id int4? index -> auth_user.id, basket_id int4? -> basket_basket.id, shipping_address_id int4? -> order_shippingaddress.id, billing_address_id int4? -> order_billingaddress.id
    order_shippingaddress: id int4 pk, first_name text, last_name text, line1 text, postcode text, phone_number text, notes text, country_id text -> address_country.iso_3166_1_a2
    order_billingaddress: id int4 pk, first_name text, last_name text, line1 text, postcode text, country_id text -> address_country.iso_3166_1_a2
    order_line: id int4 pk, order_id int4 index -> order_order.id, product_id int4? -> catalogue_product.id, title text, quantity int4, line_price numeric(12,2)
    order_ordernote: id int4 pk, message text, order_id int4 -> order_order.id, user_id int4? -> auth_user.id
    payment_bankcard: id int4 pk, card_type text, name text, number text, expiry_date date, user_id int4 -> auth_user.id
    customer_communication: id int4 pk, subject text, body_html text, content_type text, content_id int4, user_id int4? -> auth_user.id
    analytics_userrecord: id int4 pk, auth_user_id int4, num_orders int4
    django_session: session_key text pk, session_data text, expire_date timestamptz
";

#[track_caller]
fn inferred(text: &str, root: &str, filter: &str) -> String {
    let catalog = catalog(text);
    let yaml = infer(&catalog, root, filter, "public").unwrap_or_else(|f| panic!("{f}"));
    let policy = Policy::parse(&yaml).unwrap_or_else(|f| panic!("{f}\n{yaml}"));
    bind(&policy, &catalog).unwrap_or_else(|f| panic!("{f}\n{yaml}"));
    assert_eq!(lint(&policy, Some(&catalog)).count(Level::Error), 0);
    yaml
}

#[test]
fn a_shop_is_read_from_its_foreign_keys() {
    let yaml = inferred(OSCAR, "auth_user", "username");
    let findings = lint(&Policy::parse(&yaml).unwrap(), Some(&catalog(OSCAR)));
    assert!(!findings.iter().any(|f| f.code == LintCode::W101), "what looks personal is masked: {findings}");
    insta::assert_snapshot!("oscar", yaml);
}

#[test]
fn lint_says_what_is_doubtful_about_a_shop() {
    let catalog = catalog(OSCAR);
    let yaml = "root_table: auth_user\nroot_filter_col: username\ntables:\n  - name: auth_user\n    mask_columns: {email: hash, is_staff: redact}\n    exclude_columns: [password, is_staff]\n  - {name: address_useraddress, parent: auth_user, fk: user_id}\n  - {name: address_country, scope: global}\n  - {name: payment_bankcard, parent: auth_user, fk: user_id, mask_columns: {name: hash, number: {kind: partial}}}\n  - {name: analytics_userrecord, parent: auth_user, fk: auth_user_id}\n  - {name: order_order, parent: auth_user, fk: user_id}\n  - {name: order_shippingaddress, via: order_order, via_fk: shipping_address_id}\n";
    let policy = Policy::parse(yaml).unwrap();
    insta::assert_snapshot!("lint_of_a_shop", lint(&policy, Some(&catalog)).locate(yaml));
}

#[test]
fn composite_keys_self_references_and_cycles_are_left_to_a_person() {
    let text = "
        people: org int4 pk, no int4 pk, email text unique, manager_org int4?, manager_no int4?, team int8? -> teams.id; (manager_org, manager_no) -> people(org, no)
        teams: id int8 pk, lead_org int4?, lead_no int4?, name text; (lead_org, lead_no) -> people(org, no)
        visits: id int8 pk, p_no int4, p_org int4, note text; (p_no, p_org) -> people(no, org)
        doors: id int8 pk, last_visit int8? -> visits.id, lat float8, lon float8
        a: id int8 pk, b_id int8 -> b.id
        b: id int8 pk, a_id int8 -> a.id, visit_id int8 -> visits.id
        hr.people: id int8 pk, visit_id int8 -> visits.id, salary numeric(12,2)
        huge: id int8 pk, visit_id int8 -> visits.id; large
    ";
    insta::assert_snapshot!("composite", inferred(text, "people", "email"));
}

#[test]
fn keys_that_look_personal_stay_joinable() {
    let yaml = inferred(
        "users: email text pk, token uuid unique, ssn text unique
         logins: id int8 pk, user_email text -> users.email, token uuid -> users.token, ip text
         flags: ratio float8 pk, email text -> users.email",
        "users",
        "email",
    );
    let policy = Policy::parse(&yaml).unwrap();
    let masks: Vec<_> = policy.tables[1].masks.iter().map(|(p, _)| p.written()).collect();
    assert_eq!(masks, ["user_email", "token", "ip"], "{yaml}");
}

#[test]
fn odd_names_are_quoted_and_patterns_are_not_mistaken() {
    let yaml = inferred(
        "users: id int8 pk, null text, \"emäil\"# text, e*mail text, Straße text, database_url text, yes int8
         no: id int8 pk, user int8 -> users.id, phone:number text",
        "users",
        "id",
    );
    let policy = Policy::parse(&yaml).unwrap();
    assert!(yaml.contains("\"/e\\\\*mail/\": hash"), "{yaml}");
    assert_eq!(policy.tables[1].name, "no");
}

#[test]
fn a_filter_column_that_is_not_unique_is_refused_with_candidates() {
    let findings = infer(&catalog(OSCAR), "auth_user", "email", "public").unwrap_err();
    insta::assert_snapshot!("not_unique", findings);
    assert!(
        infer(&catalog(OSCAR), "auth_users", "id", "public").unwrap_err().to_string().contains("auth_user")
    );
    assert!(infer(&catalog(OSCAR), "auth_user", "nope", "public").is_err());
}

const NAMES: &[&str] = &[
    "id",
    "email",
    "user_id",
    "parent_id",
    "password",
    "token",
    "name",
    "note",
    "zip",
    "lat",
    "payload",
    "no",
    "*",
    "/x/",
    "e mail",
    "phone",
    "owner_type",
    "owner_id",
    "ssn",
    "birth_date",
    "gender",
];
const TYPES: &[&str] = &[
    "int2",
    "int4",
    "int8",
    "text",
    "uuid",
    "jsonb",
    "bytea",
    "date",
    "numeric(12,2)",
    "float8",
    "bool",
    "enum",
    "weird",
];

/// Any catalog of a few tables: keys of any shape between any columns, names from a list of awkward ones.
fn catalogs() -> impl Strategy<Value = Catalog> {
    let column = (0..TYPES.len(), any::<bool>());
    let table = (
        proptest::collection::vec(column, 1..8),
        proptest::collection::vec((0..8usize, 0..4usize, 0..8usize), 0..5),
        0..NAMES.len(),
        0..3usize,
    );
    proptest::collection::vec(table, 1..4).prop_map(|tables| {
        let shapes: Vec<usize> = tables.iter().map(|t| t.0.len()).collect();
        let reference = |i: usize| TableRef { schema: "public".into(), name: format!("t{i}") };
        let name = |first: usize, i: usize| NAMES[(first + i) % NAMES.len()].to_owned();
        let firsts: Vec<usize> = tables.iter().map(|t| t.2).collect();
        let tables = tables
            .iter()
            .enumerate()
            .map(|(i, (columns, keys, first, key_len))| {
                let template = |t: usize| catalog(&format!("x: c {}", TYPES[t])).tables[0].columns[0].clone();
                let columns: Vec<ColumnInfo> = columns
                    .iter()
                    .enumerate()
                    .map(|(c, (t, nullable))| ColumnInfo {
                        name: name(*first, c),
                        nullable: *nullable,
                        ..template(*t)
                    })
                    .collect();
                let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
                let key: Vec<String> = names.iter().take(*key_len).cloned().collect();
                let foreign_keys = keys
                    .iter()
                    .map(|(c, t, r)| {
                        let t = t % shapes.len();
                        ForeignKey {
                            columns: vec![names[c % names.len()].clone()],
                            references: reference(t),
                            referenced: vec![name(firsts[t], r % shapes[t])],
                        }
                    })
                    .collect();
                TableInfo {
                    table: reference(i),
                    kind: TableKind::Table,
                    unique: vec![vec![names[0].clone()], key.clone()],
                    primary_key: key,
                    indexes: vec![],
                    columns,
                    foreign_keys,
                    comment: None,
                    rows_estimate: None,
                }
            })
            .collect();
        Catalog { tables, server_version: None }
    })
}

proptest! {
    #[test]
    fn whatever_is_inferred_binds(catalog in catalogs()) {
        let root = &catalog.tables[0];
        let filter = root.columns[0].name.clone();
        let readable = root.columns[0].data_type.is_some();
        match infer(&catalog, "t0", &filter, "public") {
            Ok(yaml) => {
                let policy = Policy::parse(&yaml).unwrap();
                prop_assert!(bind(&policy, &catalog).is_ok());
                prop_assert_eq!(lint(&policy, Some(&catalog)).count(Level::Error), 0);
            }
            Err(findings) => prop_assert!(!readable, "{findings}"),
        }
    }
}
