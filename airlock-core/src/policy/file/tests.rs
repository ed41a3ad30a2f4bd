//! What is read, what is refused, and how it is told.

use super::*;
use crate::mask::{ConstantValue, DateUnit, EmailDomain, Entity, MaskSpec, Masking, OnMaskError};
use crate::policy::limits::Limits;
use crate::policy::{ColumnPattern, OnLimit, RowsPolicy, StorageMode};

/// A policy of `users` with this below `mask_columns:`.
fn with_mask(mask: &str) -> String {
    format!("tables:\n  - name: users\n    mask_columns:\n      {mask}\n")
}

#[track_caller]
fn masking(yaml: &str) -> Masking {
    let policy = Policy::parse(yaml).unwrap_or_else(|f| panic!("{f}"));
    policy.tables[0].masks[0].1.clone()
}

#[track_caller]
fn mask(written: &str, expected: MaskSpec) {
    assert_eq!(masking(&with_mask(written)), Masking::one(expected), "{written}");
}

/// The text is refused with exactly these codes, in the order of the text.
#[track_caller]
fn refused(yaml: &str, codes: &[LintCode]) -> Findings {
    let findings = Policy::parse(yaml).expect_err("the text should be refused");
    let found: Vec<_> = findings.iter().map(|f| f.code).collect();
    assert_eq!(found, codes, "{findings}");
    findings
}

#[track_caller]
fn refused_saying(yaml: &str, code: LintCode, words: &str) {
    let findings = Policy::parse(yaml).expect_err("the text should be refused");
    let text = findings.to_string();
    assert!(findings.iter().any(|f| f.code == code) && text.contains(words), "{text}");
}

fn hash() -> MaskSpec {
    MaskSpec::Hash {
        length: 16,
        prefix: String::new(),
        key: "k1".into(),
        lower: false,
        trim: false,
        as_text: false,
    }
}

#[test]
fn the_least_policy_has_the_documented_defaults() {
    let policy = Policy::parse("tables: [{name: users}]").unwrap();
    assert_eq!((policy.root_table.as_str(), policy.root_filter_col.as_str()), ("users", "id"));
    assert_eq!(policy.schema, "public");
    assert_eq!(policy.data_dir, "/dev/shm/airlock");
    assert_eq!(policy.snapshot_ttl.as_secs(), 300);
    assert_eq!(policy.limits, Limits::default());
    assert_eq!(policy.storage.mode, StorageMode::Tmpfs);
    assert!(policy.source.require_read_only && policy.control_plane.is_none());
    assert_eq!(policy.tables[0].rows, RowsPolicy::Root);
}

#[test]
fn every_spelling_of_null_is_the_null_mask() {
    for written in [
        "ssn: null",
        "ssn: ~",
        "ssn:",
        "ssn: \"null\"",
        "ssn: 'null'",
        "ssn: Null",
        "ssn: {kind: null}",
        "ssn: [null]",
        "ssn: [~]",
    ] {
        mask(written, MaskSpec::Null);
    }
}

#[test]
fn masks_are_read_in_each_form() {
    mask("email: hash", hash());
    mask("phone: redact", MaskSpec::Redact { text: "***".into() });
    mask("dob: {kind: date_trunc, unit: month}", MaskSpec::DateTrunc { unit: DateUnit::Month });
    mask("zip: {kind: truncate}", MaskSpec::Truncate { length: 3 });
    mask("id: {kind: hash_int, bits: 31, key: k2}", MaskSpec::HashInt { bits: 31, key: "k2".into() });
    mask(
        "e: {kind: email, domain: constant(Example.com), length: 12}",
        MaskSpec::Email { domain: EmailDomain::Constant("example.com".into()), length: 12, key: "k1".into() },
    );
    mask(
        "n: {kind: constant, value: 7, apply_to_null: true}",
        MaskSpec::Constant { value: ConstantValue::Int(7), apply_to_null: true },
    );
    mask(
        "n: {kind: constant, value: null}",
        MaskSpec::Constant { value: ConstantValue::Null, apply_to_null: false },
    );
    mask(
        "n: {kind: scrub, entities: [url, email], replacement: '-'}",
        MaskSpec::Scrub { entities: vec![Entity::Email, Entity::Url], replacement: Some("-".into()) },
    );
    mask(
        "card: {kind: partial, keep_last: 2, char: '•'}",
        MaskSpec::Partial {
            keep_first: 0,
            keep_last: 2,
            char: '•',
            min_masked: 4,
            keep_separators: true,
            fixed_length: false,
        },
    );
    let MaskSpec::Hash { as_text, lower, .. } =
        &masking(&with_mask("n: {kind: hash, as: text, lower: true}")).steps[0]
    else {
        panic!("a hash")
    };
    assert!(as_text & lower);
}

#[test]
fn pipelines_and_references_keep_their_order_and_extras() {
    let pipeline = masking(&with_mask("n: [{kind: scrub, on_error: fail}, {kind: truncate, length: 200}]"));
    assert_eq!(pipeline.steps.len(), 2);
    assert_eq!(pipeline.steps[1], MaskSpec::Truncate { length: 200 });
    assert_eq!(pipeline.on_error, OnMaskError::Fail);

    let used = masking(
        "masks: {corp: {kind: email, domain: hash}}\ntables: [{name: users, mask_columns: {email: {use: corp, same_as: orders.email}}}]",
    );
    assert_eq!(used.steps, [MaskSpec::Email { domain: EmailDomain::Hash, length: 10, key: "k1".into() }]);
    assert_eq!(used.same_as, Some(("orders".into(), "email".into())));
    assert_eq!(masking(&with_mask("n: {kind: hash, domain: party}")).domain, Some("party".into()));
}

#[test]
fn keys_are_names_globs_or_expressions() {
    let policy = Policy::parse(&with_mask("{'*_token': hash, '/^x/': redact, plain: hash}")).unwrap();
    let patterns: Vec<_> = policy.tables[0].masks.iter().map(|(p, _)| p.clone()).collect();
    assert_eq!(
        patterns,
        [
            ColumnPattern::Glob("*_token".into()),
            ColumnPattern::Regex("^x".into()),
            ColumnPattern::Exact("plain".into())
        ]
    );
}

#[test]
fn edges_are_read_and_names_of_tables_are_settled() {
    let policy = Policy::parse(
        "root_table: crm.people\nroot_filter_col: external_id\ntables:\n\
         - {name: merchants, via: tx, via_fk: merchant_id, key: code}\n\
         - {name: transactions, as: tx, parent: crm.accounts, fk: [a, b], parent_key: [x, y], order_by: 'created_at DESC, id', max_rows: 10, on_limit: fail}\n\
         - {name: crm.accounts, parent: people, fk: user_id}\n\
         - {name: currencies, scope: global}\n\
         - {name: crm.people}\n",
    )
    .unwrap();
    assert_eq!(policy.root_table, "people");
    assert_eq!(policy.tables[4].source.to_string(), "crm.people");
    assert_eq!(policy.tables[1].order_by, [("created_at".into(), true), ("id".into(), false)]);
    assert_eq!(
        policy.tables[1].rows,
        RowsPolicy::Child {
            parent: "accounts".into(),
            fk: vec!["a".into(), "b".into()],
            parent_key: Some(vec!["x".into(), "y".into()]),
        }
    );
    assert_eq!(policy.tables[3].on_limit, OnLimit::Fail, "a reference table is never cut silently");
    let order: Vec<_> = crate::policy::export_order(&policy.tables)
        .unwrap()
        .into_iter()
        .map(|i| policy.tables[i].name.as_str())
        .collect();
    assert_eq!(order, ["people", "accounts", "tx", "merchants", "currencies"]);
}

#[test]
fn further_edges_add_to_a_lookup_and_to_nothing_else() {
    let with = |orders: &str, countries: &str| {
        format!(
            "tables: [{{name: users}}, {{name: orders, parent: users, fk: user_id{orders}}}, \
             {{name: countries, via: users, via_fk: country{countries}}}]"
        )
    };
    let policy = Policy::parse(&with("", ", edges: [{via: orders, via_fk: country}]")).unwrap();
    assert_eq!(policy.tables[2].rows.depends_on(), ["users", "orders"]);
    let alone = Policy::parse(&with("", "")).unwrap();
    assert_ne!(policy.hash, alone.hash, "other rows are exported");
    let code = LintCode::E103;
    refused_saying(&with(", edges: [{via: countries, via_fk: x}]", ""), code, "adds to via and via_fk");
    refused_saying(&with("", ", edges: [{via: orders}]"), code, "needs both via and via_fk");
    refused_saying(&with("", ", edges: [{via: order, via_fk: x}]"), code, "did you mean `orders`");
    refused_saying(
        &with("", ", edges: [{via: orders, via_fk: [a, b]}]"),
        code,
        "different numbers of columns",
    );
    refused_saying(&with("", ", edges: [{parent: orders, fk: a}]"), LintCode::E100, "is not supported");
    refused_saying(&with("", ", edges: [{via: countries, via_fk: a}]"), LintCode::E105, "`countries`");
}

#[test]
fn limits_are_numbers_or_sizes() {
    let policy = Policy::parse(
        "tables: [{name: users}]\nlimits: {query_memory: 1GiB, max_result_rows: 5, max_concurrent_queries: cores, max_cell_bytes: 4096}",
    )
    .unwrap();
    assert_eq!(policy.limits.query_memory, 1 << 30);
    assert_eq!(policy.limits.max_result_rows, 5);
    assert_eq!(policy.limits.max_concurrent_queries, 0);
    for bad in [
        "max_result_rows: 0",
        "max_result_rows: -1",
        "max_result_rows: 1.5",
        "max_result_rows: 10MiB",
        "query_memory: lots",
        "statement_timeout_ms: 4294967296",
        "max_concurrent_queries: 0",
    ] {
        refused(&format!("tables: [{{name: users}}]\nlimits: {{{bad}}}"), &[LintCode::E204]);
    }
    refused_saying(
        "tables: [{name: users}]\nlimits: {max_result_row: 5}",
        LintCode::E100,
        "did you mean `max_result_rows`?",
    );
    refused_saying(
        "tables: [{name: users}]\nlimits: {rate_limit: 600/min}",
        LintCode::E100,
        "is a limit of an API key",
    );
}

const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

#[test]
fn the_control_plane_is_read_and_checked() {
    let with = |extra: &str| {
        format!(
            "tables: [{{name: users}}]\ncontrol_plane: {{url: 'https://cp.example.com', tenant_id: t_acme, worker_id: w_acme_prod, cp_public_key: {KEY}{extra}}}"
        )
    };
    let cp = Policy::parse(&with(", heartbeat_s: 5")).unwrap().control_plane.unwrap();
    assert_eq!((cp.heartbeat.unwrap().as_secs(), cp.reconnect_max.as_secs()), (5, 30));
    assert_eq!(Policy::parse(&with("")).unwrap().control_plane.unwrap().heartbeat, None);
    let proxied = Policy::parse(&with(", proxy: 'http://proxy:3128'")).unwrap().control_plane.unwrap();
    assert_eq!(proxied.proxy.as_deref(), Some("http://proxy:3128"));
    refused(&with(", proxy: 'http://u:p@proxy:3128'"), &[LintCode::E101, LintCode::E204]);
    refused(&with(", proxy: 'socks5://proxy'"), &[LintCode::E204]);
    refused(&with(", heartbeat_s: 1"), &[LintCode::E204]);
    refused(&with(", reconnect_min_ms: 5000, reconnect_max_ms: 100"), &[LintCode::E204]);
    refused_saying(
        &with(", accept_weaker_masks: true"),
        LintCode::E100,
        "`accept_weaker_masks` is not supported by this version",
    );
    refused(
        "tables: [{name: users}]\ncontrol_plane: {url: 'http://cp.example.com', tenant_id: acme, worker_id: w_a, cp_public_key: AAAA}",
        &[LintCode::E204; 4],
    );
    refused_saying(
        "tables: [{name: users}]\ncontrol_plane: {url: 'https://h', tenant_id: t_a, worker_id: w_aa}",
        LintCode::E100,
        "airlock register",
    );
}

#[test]
fn what_this_version_does_not_build_is_refused_by_name() {
    for (key, value) in [
        ("tenant_isolation", "{column: org_id}"),
        ("defaults", "{}"),
        ("egress", "{}"),
        ("audit", "{}"),
        ("direct", "{}"),
        ("schema_fingerprint", "x"),
    ] {
        refused_saying(
            &format!("{key}: {value}\ntables: [{{name: users}}]"),
            LintCode::E100,
            &format!("`{key}` is not supported by this version"),
        );
    }
    for key in ["where", "allow_subquery", "self_ref"] {
        refused_saying(
            &format!("tables: [{{name: users, {key}: x}}]"),
            LintCode::E100,
            &format!("`{key}` is not supported by this version"),
        );
    }
    for kind in keys::KINDS_NOT_BUILT {
        refused_saying(
            &with_mask(&format!("x: {kind}")),
            LintCode::E100,
            &format!("mask kind `{kind}` is not supported"),
        );
        refused_saying(
            &with_mask(&format!("x: {{kind: {kind}, any: 1}}")),
            LintCode::E100,
            "is not supported",
        );
    }
    for key in ["when", "unless", "else", "scope"] {
        refused_saying(
            &with_mask(&format!("x: {{kind: hash, {key}: x}}")),
            LintCode::E100,
            &format!("`{key}` is not supported"),
        );
    }
    for (section, key) in [("source", "session"), ("source", "schema"), ("storage", "mode")] {
        refused_saying(
            &format!("{section}: {{{key}: encrypted_disk}}\ntables: [{{name: users}}]"),
            LintCode::E100,
            "is not supported by this version",
        );
    }
    refused_saying("reload: hot\ntables: [{name: users}]", LintCode::E100, "`hot` is not supported");
    assert!(Policy::parse("reload: restart\ntenant_isolation: null\ntables: [{name: users}]").is_ok());
}

#[test]
fn credentials_are_told_as_such_wherever_they_stand() {
    refused("database_url: x\ntables: [{name: users}]", &[LintCode::E101]);
    refused("DATABASE-URL: x\ntables: [{name: users}]", &[LintCode::E101]);
    refused("source: {database_url: 'postgres://u:p@h/d'}\ntables: [{name: users}]", &[LintCode::E101; 2]);
    refused("hints: ['ask postgres://u:sw0rdfish@h/d']\ntables: [{name: users}]", &[LintCode::E101]);
    let findings =
        refused("data_dir: 'postgresql://u:sw0rdfish@h/d'\ntables: [{name: users}]", &[LintCode::E101]);
    assert!(!findings.to_string().contains("sw0rdfish"));
    // A column may have the name, as long as nothing secret stands there.
    assert!(Policy::parse(&with_mask("database_url: redact")).is_ok());
}

#[test]
fn yaml_that_could_mean_two_things_is_refused() {
    refused_saying("tables: [{name: users}]\ntables: []", LintCode::E100, "stands twice");
    refused_saying(&with_mask("a: hash\n      'a': redact"), LintCode::E100, "stands twice");
    refused_saying("tables: !!seq [{name: users}]", LintCode::E100, "tags");
    refused_saying("tables: [{name: !!python/object users}]", LintCode::E100, "tags");
    refused_saying("!x tables: [{name: users}]", LintCode::E100, "tags");
    refused_saying("base: &b {name: users}\ntables: [{<<: *b}]", LintCode::E100, "merge keys");
    refused_saying("tables: [{name: users}]\n---\ntables: []", LintCode::E100, "more than one");
    refused_saying("", LintCode::E100, "empty");
    refused_saying("tables: [", LintCode::E100, "");
    refused_saying("- a", LintCode::E100, "must be a map");
    refused_saying(&" ".repeat(node::FILE_BYTES_MAX + 1), LintCode::E100, "1 MiB");
    let deep = format!("tables: {}1{}", "[".repeat(200), "]".repeat(200));
    refused_saying(&deep, LintCode::E100, "");
}

#[test]
fn anchors_serve_and_are_bounded() {
    let yaml = "masks: {a: &m {kind: hash, length: 32}}\ntables: [{name: users, mask_columns: {x: *m}}]";
    assert!(matches!(masking(yaml).steps[0], MaskSpec::Hash { length: 32, .. }));
    let many = |n: usize| {
        let columns: Vec<_> = (0..n).map(|i| format!("c{i}: *m")).collect();
        format!(
            "masks: {{a: &m {{kind: hash}}}}\ntables: [{{name: users, mask_columns: {{{}}}}}]",
            columns.join(", ")
        )
    };
    assert!(Policy::parse(&many(100)).is_ok());
    refused_saying(&many(101), LintCode::E100, "aliases");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    refused_saying(bomb, LintCode::E100, "expands to too much");
}

#[test]
fn each_structure_that_cannot_work_has_its_code() {
    use LintCode::{E100, E103, E104, E105};
    refused("tables: [{name: people}]", &[E104]);
    refused("{}", &[E104]);
    refused_saying("tables: [{name: user}]", E104, "did you mean `user`?");
    refused("tables: [{name: users}, {name: a}]", &[E103]);
    refused("tables: [{name: users}, {name: a, parent: users}]", &[E103]);
    refused("tables: [{name: users}, {name: a, fk: x}]", &[E103]);
    refused("tables: [{name: users}, {name: a, via: users}]", &[E103]);
    refused("tables: [{name: users}, {name: a, parent: users, fk: x, scope: global}]", &[E103]);
    refused("tables: [{name: users, scope: global}]", &[E103]);
    refused_saying("tables: [{name: users}, {name: a, parent: usrs, fk: x}]", E103, "did you mean `users`?");
    refused("tables: [{name: users}, {name: a, parent: users, fk: [x, y], parent_key: z}]", &[E103]);
    refused("tables: [{name: users}, {name: g, scope: global}, {name: a, parent: g, fk: x}]", &[E103]);
    refused(
        "limits: {max_depth: 1}\ntables: [{name: users}, {name: a, parent: users, fk: x}, {name: b, parent: a, fk: x}]",
        &[E103],
    );
    refused_saying(
        "tables: [{name: users}, {name: a, parent: b, fk: x}, {name: b, parent: a, fk: x}]",
        E105,
        "`a` → `b` → `a`",
    );
    refused("tables: [{name: users}, {name: a, parent: a, fk: x}]", &[E105]);
    refused("tables: [{name: users}, {name: s.users, parent: users, fk: x}]", &[E100]);
}

#[test]
fn parameters_out_of_range_are_told() {
    for bad in [
        "x: {kind: hash, length: 7}",
        "x: {kind: hash, length: 65}",
        "x: {kind: hash, key: 'K 1'}",
        "x: {kind: hash_int, bits: 64}",
        "x: {kind: email, domain: example.com}",
        "x: {kind: email, domain: 'constant(a b)'}",
        "x: {kind: partial, char: '**'}",
        "x: {kind: truncate, length: 0}",
        "x: {kind: date_trunc, unit: decade}",
        "x: {kind: scrub, entities: [mail]}",
        "x: {kind: scrub, entities: []}",
        "x: {kind: clear, reason: ' '}",
        "x: [redact, clear]",
        "x: [hash, 'null']",
        "x: {kind: redact, domain: a, same_as: b.c}",
        "x: {kind: redact, same_as: b.c}",
        "x: [{kind: hash, on_error: fail}, {kind: truncate, on_error: 'null'}]",
        "'/(/': hash",
        "x: {kind: hash, on_error: ignore}",
    ] {
        let findings = Policy::parse(&with_mask(bad)).expect_err(bad);
        assert!(
            findings.iter().any(|f| f.code == LintCode::E204 || f.code == LintCode::E100),
            "{bad}: {findings}"
        );
    }
    for bad in [
        "x: clear",
        "x: {kind: clear}",
        "x: {kind: constant}",
        "x: {length: 3}",
        "x: 1",
        "x: true",
        "x: []",
        "x: [[hash]]",
        "x: {use: nobody}",
        "x: hsah",
        "x: {kind: hash, legnth: 3}",
    ] {
        refused(&with_mask(bad), &[LintCode::E100]);
    }
}

#[test]
fn one_run_tells_every_problem_with_its_line() {
    let yaml = r#"version: 2
root_filter_cols: external_id
tables:
  - name: users
    mask_column: {email: hash}
    mask_columns:
      email: hsah
      phone: {kind: fake}
      dob: {kind: date_trunc, unit: decade}
      dob: hash
  - name: accounts
    parent: user
    fk: user_id
    where: "deleted_at IS NULL"
  - {name: notes, fk: user_id}
limits: {max_rows: 5, query_memory: 1 GiB}
hints: [1]
database_url: postgres://root:hunter2@db/prod
egress: {allow_explain: true}
"#;
    let findings = Policy::parse(yaml).unwrap_err();
    assert!(!findings.to_string().contains("hunter2"));
    insta::assert_snapshot!("many_problems", findings);
}

#[test]
fn the_hash_sees_masks_and_nothing_else() {
    let hash = |yaml: &str| Policy::parse(yaml).unwrap().hash;
    let base = "tables: [{name: users, mask_columns: {a: hash, b: redact}, exclude_columns: [x, y]}]";
    for same in [
        "hints: [h]\ndata_dir: ./data\nsnapshot_ttl_s: 1\nlimits: {max_result_rows: 1}\ntables: [{name: users, mask_columns: {a: hash, b: redact}, exclude_columns: [x, y]}]",
        "tables: [{name: users, description: d, exclude_columns: [y, x], mask_columns: {b: redact, a: {kind: hash, length: 16}}}]",
        "schema: public\ntables: [{name: public.users, mask_columns: {a: hash, b: redact}, exclude_columns: [x, y]}]",
    ] {
        assert_eq!(hash(base), hash(same), "{same}");
    }
    for other in [
        "tables: [{name: users, mask_columns: {a: hash, b: hash}, exclude_columns: [x, y]}]",
        "tables: [{name: users, mask_columns: {a: hash}, exclude_columns: [x, y]}]",
        "tables: [{name: users, mask_columns: {a: hash, b: redact}, exclude_columns: [x]}]",
        "tables: [{name: users, mask_columns: {a: {kind: hash, length: 17}, b: redact}, exclude_columns: [x, y]}]",
        "root_filter_col: x\ntables: [{name: users, mask_columns: {a: hash, b: redact}, exclude_columns: [x, y]}]",
        "schema: s\ntables: [{name: users, mask_columns: {a: hash, b: redact}, exclude_columns: [x, y]}]",
        "tables: [{name: users, columns: [a], mask_columns: {a: hash, b: redact}, exclude_columns: [x, y]}]",
        "tables: [{name: users, mask_columns: {'*a': hash, b: redact}, exclude_columns: [x, y]}]",
    ] {
        assert_ne!(hash(base), hash(other), "{other}");
    }
}

#[test]
fn the_hash_of_a_policy_stays_what_it_is() {
    // Snapshots and audit rows name it: a change is a change of format.
    let policy = Policy::parse("tables: [{name: users, mask_columns: {email: hash}}]").unwrap();
    insta::assert_snapshot!("hash_of_a_policy", policy.hash);
}

#[test]
fn findings_without_a_line_are_located_in_the_text() {
    let yaml = "root_table: users\ntables:\n  - name: users\n    mask_columns:\n      a: hash\n";
    let findings = Findings::from(vec![
        Finding::new(LintCode::E201, "tables[users].mask_columns.a", "x"),
        Finding::new(LintCode::W101, "tables[users].mask_columns.b", "y"),
        Finding::new(LintCode::E102, "root_filter_col", "z"),
    ])
    .locate(yaml);
    let lines: Vec<_> = findings.iter().map(|f| f.line).collect();
    assert_eq!(lines, [Some(4), Some(5), None]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z:\\[\\]{}&*!<>'\", \n#|-]{0,200}") {
        let _ = Policy::parse(&text);
    }
}

/// The reference names every key that is built, and nothing else; limits with their defaults.
#[test]
fn the_reference_in_docs_is_this_parser() {
    let doc = include_str!("../../../../docs/airlock-yaml.md");
    let lists: &[(&str, &[keys::Keys])] = &[
        ("Top", &[keys::TOP]),
        ("tables", &[keys::TABLE, keys::EDGE]),
        ("masks", &[keys::MASK]),
        ("sample_queries", &[keys::SAMPLE_QUERY]),
        ("source", &[keys::SOURCE]),
        ("storage", &[keys::STORAGE]),
        ("control_plane", &[keys::CONTROL_PLANE]),
    ];
    let rows = |section: &str| -> Vec<(String, String)> {
        let text = doc.split(&format!("\n## {section}\n")).nth(1).expect("a section").split("\n## ").next();
        let cells = |line: &str| {
            let (key, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            Some((key.to_owned(), rest.split('|').next()?.trim().to_owned()))
        };
        text.unwrap_or_default().lines().filter_map(cells).collect()
    };
    for (section, keys) in lists {
        let mut told: Vec<String> = rows(section).into_iter().map(|(key, _)| key).collect();
        let built = keys.iter().flat_map(|k| k.iter()).filter(|(_, built)| *built == keys::Built::Yes);
        let mut built: Vec<String> = built.map(|(key, _)| (*key).to_owned()).collect();
        told.sort_unstable();
        built.sort_unstable();
        assert_eq!(told, built, "docs/airlock-yaml.md, {section}");
    }
    let mut limits = Limits::default();
    let told = rows("limits");
    assert_eq!(told.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), Limits::NAMES);
    for (name, default) in told {
        let written = default.parse().ok().or_else(|| sections::size(&default));
        assert_eq!(written, limits.slot(&name).map(|n| *n), "{name}");
    }
}
