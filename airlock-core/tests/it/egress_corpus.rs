//! Statements from files: refused and why, or admitted and what they answer. Bombs are built here.

use std::sync::Arc;

use airlock_core::egress::{Checked, Verdict, admit};
use airlock_core::policy::limits::Limits;
use airlock_core::query::{QueryError, Session};
use proptest::prelude::*;

use crate::corpus::{REFUSED, entries};
use crate::fixture::{on_query_thread, rows, run_with, shapes, tables};

/// What the egress layers say: a detail, `sql_error`, or `admitted`.
fn verdict(sql: &str, limits: &Limits) -> String {
    let checked = match Checked::new(sql, limits) {
        Ok(checked) => checked,
        Err(refusal) => return refusal.detail.to_string(),
    };
    match admit(&checked, &shapes(&tables()), limits) {
        Ok(_) => "admitted".to_owned(),
        Err(Verdict::Refused(refusal)) => refusal.detail.to_string(),
        Err(Verdict::Sql { .. }) => "sql_error".to_owned(),
    }
}

#[test]
fn attacks_are_refused_for_the_reason_stated() {
    let entries = entries(REFUSED);
    assert!(entries.len() >= 130, "{} attacks", entries.len());
    let wrong = on_query_thread(move || {
        let limits = Limits::default();
        let wrong = entries.iter().filter_map(|(expected, sql)| {
            let found = verdict(sql, &limits);
            (found != *expected).then(|| format!("expected {expected}, found {found}: {sql}"))
        });
        wrong.collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The statement with small values where it has any.
fn tamed(sql: &str) -> String {
    let mut out = String::new();
    let mut parts = sql.split('\'');
    let mut number = false;
    while let Some(outside) = parts.next() {
        for c in outside.chars() {
            if !(number && c.is_ascii_digit()) {
                out.push(if c.is_ascii_digit() { '1' } else { c });
            }
            number = c.is_ascii_digit() || c.is_ascii_alphanumeric() || c == '_';
        }
        if parts.next().is_some() {
            out.push_str("'a'");
        }
    }
    out
}

/// What is kept of harmless statements lets no attack through: neither of statements of the same shape, nor of all that
/// are admitted.
#[test]
fn attacks_are_refused_likewise_when_plans_are_kept() {
    let attacks = entries(include_str!("../corpus/refused.sql"));
    let harmless = entries(include_str!("../corpus/admitted.sql"));
    let bombs = [
        ("SELECT repeat(name, {}) FROM users WHERE id = {}", "3", "1000000000"),
        ("SELECT id FROM users WHERE lpad(name, {}) = 'x' AND id > {}", "3", "1000000000"),
        ("SELECT count(*) FROM generate_series(1, {}) g WHERE g.value > {}", "3", "1000000000"),
        ("SELECT id FROM users WHERE id = {} AND range({}) IS NOT NULL", "1", "1000000000"),
        ("SELECT id FROM users WHERE name ~ '{}' AND email <> '{}'", "1", "(\\pL{100}){100}"),
        ("SELECT id FROM users WHERE id IN ({}) AND id = {}", "1", &vec!["1"; 5_001].join(",")),
        ("SELECT id FROM users WHERE {} = {}", "id", &"(".repeat(100)),
    ]
    .map(|(family, before, after)| [before, after].map(|value| family.replace("{}", value)));
    let wrong = on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tables(), &limits).unwrap();
        let ask = |sql: &str| match run_with(&session, sql, &limits) {
            Ok(_) => "it runs".to_owned(),
            Err(QueryError::Refused(refusal)) => refusal.detail.to_string(),
            Err(error) => format!("{error:?}"),
        };
        for (_, sql) in &harmless {
            ask(sql);
        }
        let mut wrong = vec![];
        for (expected, sql) in &attacks {
            ask(&tamed(sql));
            for _ in 0..2 {
                let found = ask(sql);
                if found != *expected && !(expected == "sql_error" && found.starts_with("Sql")) {
                    wrong.push(format!("expected {expected}, found {found}: {sql}"));
                }
            }
        }
        for [before, after] in &bombs {
            assert_eq!(ask(before), "it runs", "{before}");
            let found = ask(after);
            if !matches!(found.as_str(), "too_large" | "too_deep" | "unbounded_size_argument") {
                wrong.push(format!("{found}: {}", after.chars().take(100).collect::<String>()));
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An entry's `-> [[…]]` is the answer; without one, running is enough.
#[test]
fn ordinary_statements_run() {
    let entries = entries(include_str!("../corpus/admitted.sql"));
    assert!(entries.len() >= 120, "{} statements", entries.len());
    let wrong = on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tables(), &limits).unwrap();
        let mut wrong = vec![];
        for (expected, sql) in &entries {
            let answer = match run_with(&session, sql, &limits) {
                Ok(shaped) => rows(&shaped).to_owned(),
                Err(error) => format!("{error:?}"),
            };
            let fits = match expected.strip_prefix("->") {
                Some(rows) => rows.trim() == answer,
                None => answer.starts_with('['),
            };
            if !fits {
                wrong.push(format!("{sql}\n   expected {expected}\n   found    {answer}"));
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_quote_no_literal() {
    let entries = [entries(REFUSED), entries(include_str!("../corpus/errors.sql"))].concat();
    on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tables(), &limits).unwrap();
        for (_, sql) in &entries {
            let Err(error) = run_with(&session, sql, &limits) else { panic!("ran: {sql}") };
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3cret"), "{sql}\n{shown}");
            assert!(!matches!(error, QueryError::Engine(_)), "{sql}\n{shown}");
        }
    });
}

#[test]
fn mistakes_are_told_in_our_words() {
    let entries = entries(include_str!("../corpus/errors.sql"));
    let wrong = on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tables(), &limits).unwrap();
        let wrong = entries.iter().filter_map(|(expected, sql)| {
            let found = match run_with(&session, sql, &limits) {
                Ok(_) => "it runs".to_owned(),
                Err(QueryError::Sql { message, hint }) => format!("{message} | {}", hint.unwrap_or_default()),
                Err(error) => format!("{error:?}"),
            };
            (!found.contains(expected.as_str()))
                .then(|| format!("{sql}\n   expected {expected}\n   found    {found}"))
        });
        wrong.collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn bomb(sql: String, expected: &str) {
    let short: String = sql.chars().take(100).collect();
    let found = on_query_thread(move || verdict(&sql, &Limits::default()));
    assert_eq!(found, expected, "{short}");
}

#[test]
fn bombs_are_refused() {
    let nest = |open: &str, n: usize, middle: &str, close: &str| {
        format!("SELECT {}{middle}{}", open.repeat(n), close.repeat(n))
    };
    bomb(nest("(", 64, "1", ")"), "too_deep");
    bomb(nest("abs(", 63, "1", ")"), "too_deep");
    bomb(nest("(SELECT ", 60, "1", ")"), "too_deep");
    bomb(nest("position(", 8, "1", ")"), "admitted");
    bomb(nest("position(", 9, "1", ")"), "too_deep");
    // The parser would read each of these twice a level when it fails inside.
    for open in
        ["array[", "case(", "not(", "cast(", "exists(", "trim(", "interval(", "struct(", "map{", "ceil("]
    {
        let close = match open.as_bytes()[open.len() - 1] {
            b'[' => "]",
            b'{' => "}",
            _ => ")",
        };
        bomb(nest(open, 24, "1 1", close), "too_deep");
    }
    bomb(nest("map(", 5, "1, 2", ")"), "too_deep");
    bomb(nest("array_transform([1], x -> ", 5, "1", ")"), "too_deep");
    bomb(format!("SELECT 1{}", "::int".repeat(600)), "too_deep");
    bomb(format!("SELECT tags{} FROM users", "[1]".repeat(600)), "too_deep");
    bomb(format!("SELECT 1::int{}", "[]".repeat(100)), "too_deep");
    bomb(format!("SELECT id{} FROM users", " + id".repeat(501)), "too_deep");
    bomb(format!("SELECT id{} FROM users", " || id".repeat(1_000)), "too_deep");
    bomb(format!("SELECT {}", ["a"; 20].join(".")), "too_deep");
    bomb(format!("SELECT 1 WHERE 1 IN (1{})", ",1".repeat(5_000)), "too_large");
    bomb(format!("SELECT 1{}", ", 1".repeat(1_000)), "too_large");
    bomb(format!("SELECT 1 FROM users{}", ", users".repeat(32)), "too_large");
    bomb(format!("WITH a AS (SELECT 1){} SELECT 1", ", a AS (SELECT 1)".repeat(64)), "too_large");
    bomb("SELECT 1 FROM users GROUP BY CUBE (1, 2, 3, 4, 5, 6, 7)".into(), "too_large");
    bomb("SELECT 1 FROM users GROUP BY CUBE (1,2,3), CUBE (4,5,6,7)".into(), "too_large");
    bomb(
        "SELECT 1 FROM users GROUP BY ROLLUP (1,2,3,4,5,6), ROLLUP (1,2,3,4,5,6), ROLLUP (1,2,3,4,5,6)"
            .into(),
        "too_large",
    );
    // Each WITH entry uses the one before twice: 2^60 relations once written out.
    let doubled: Vec<String> =
        (1..60).map(|i| format!("c{i} AS (SELECT a.id FROM c{} a, c{} b)", i - 1, i - 1)).collect();
    bomb(format!("WITH c0 AS (SELECT id FROM users), {} SELECT * FROM c59", doubled.join(", ")), "too_large");
    // Each level writes its column twice: 2^40 terms once pushed down.
    let mut nested = "SELECT id AS x FROM users".to_owned();
    for i in 0..20 {
        nested = format!("SELECT x + x AS x FROM ({nested}) t{i}");
    }
    bomb(format!("SELECT * FROM ({nested}) t WHERE x > 0"), "too_large");
    bomb("SELECT repeat(repeat('x', 10000), 10000)".into(), "unbounded_size_argument");
    bomb("SELECT replace(repeat('x', 10000), 'x', repeat('y', 10000))".into(), "unbounded_size_argument");
    bomb(nest("replace(", 30, "'a'", ", 'a', 'aa')"), "unbounded_size_argument");
    bomb(
        "SELECT array_repeat(array_repeat(array_repeat(1, 1000), 1000), 1000)".into(),
        "unbounded_size_argument",
    );
    bomb(format!("SELECT 1 WHERE 'a' ~ '{}'", "a".repeat(1_001)), "unbounded_size_argument");
    bomb("SELECT 1 WHERE 'a' ~ '(\\pL{100}){100}'".into(), "unbounded_size_argument");
    let wide = vec!["x + x"; 500].join(", ");
    let mut nested = "SELECT id AS x FROM users".to_owned();
    for i in 0..10 {
        nested = format!("SELECT x + x AS x FROM ({nested}) t{i}");
    }
    bomb(format!("SELECT {wide} FROM ({nested}) t"), "too_large");
}

/// Whatever L1 to L4 admit must plan on the stack that the documentation promises, in this profile.
#[test]
fn the_deepest_admitted_statements_plan_within_the_stack() {
    let nest = |open: &str, n: usize, middle: &str, close: &str| {
        format!("SELECT {}{middle}{} FROM users", open.repeat(n), close.repeat(n))
    };
    let mut derived = "SELECT id FROM users".to_owned();
    for i in 0..18 {
        derived = format!("SELECT id FROM ({derived}) t{i}");
    }
    let statements = [
        format!("SELECT id{} FROM users", " + id".repeat(500)),
        format!("SELECT 1 FROM users WHERE id = 1{}", " OR id = 1".repeat(999)),
        format!("SELECT 1 FROM users WHERE id = 1{}", " AND id <> 2".repeat(999)),
        format!("SELECT email{} FROM users", " || email".repeat(500)),
        format!("SELECT CASE {} END FROM users", "WHEN id = 1 THEN 1 ".repeat(2_000)),
        format!("SELECT 1 FROM users WHERE id IN (1{})", ",1".repeat(4_999)),
        format!("SELECT id FROM users{}", " UNION ALL SELECT id FROM users".repeat(199)),
        format!("SELECT id FROM users{}", " INTERSECT SELECT id FROM users".repeat(30)),
        nest("(", 40, "id", ")"),
        nest("abs(", 40, "id", ")"),
        nest("CASE WHEN id = 1 THEN 2 ELSE ", 30, "id", " END"),
        nest("- ", 40, "id", ""),
        nest("coalesce(id, ", 40, "id", ")"),
        format!("SELECT id{} FROM users", "::int::bigint".repeat(60)),
        derived,
        format!(
            "WITH c0 AS (SELECT id FROM users){} SELECT * FROM c50",
            (1..=50).map(|i| format!(", c{i} AS (SELECT id FROM c{})", i - 1)).collect::<String>()
        ),
        format!(
            "SELECT 1 FROM users u0{}",
            (1..32).map(|i| format!(" JOIN users u{i} ON u{i}.id = u{}.id", i - 1)).collect::<String>()
        ),
    ];
    on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tables(), &limits).unwrap();
        for sql in &statements {
            let short: String = sql.chars().take(100).collect();
            if let Err(error) = run_with(&session, sql, &limits) {
                // A wide integer sum may overflow; what matters is that it came back.
                assert!(
                    !matches!(error, QueryError::Engine(_) | QueryError::Refused(_)),
                    "{short}: {error:?}"
                );
            }
        }
    });
}

proptest! {
    #[test]
    fn random_text_never_panics(sql in "\\PC{0,120}", prefix in "(SELECT |WITH |VALUES |\\(|)") {
        let sql = prefix + &sql;
        on_query_thread(move || { verdict(&sql, &Limits::default()); });
    }

    #[test]
    fn mutated_statements_never_panic(pick in any::<prop::sample::Index>(), cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8, ".{0,3}"), 1..4)) {
        let corpus = [entries(REFUSED), entries(include_str!("../corpus/admitted.sql"))].concat();
        let mut sql: Vec<char> = corpus[pick.index(corpus.len())].1.chars().collect();
        for (at, remove, insert) in cuts {
            let at = at.index(sql.len() + 1);
            let end = (at + usize::from(remove)).min(sql.len());
            sql.splice(at..end, insert.chars());
        }
        let sql: String = sql.into_iter().collect();
        on_query_thread(move || { verdict(&sql, &Limits::default()); });
    }
}
