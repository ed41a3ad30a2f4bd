//! Answers say which columns come from masked ones.

use airlock_core::policy::limits::Limits;

use crate::fixture::run;

#[track_caller]
fn check(sql: &str, expected: &[Option<&str>]) {
    let columns = run(sql, Limits::default()).unwrap_or_else(|e| panic!("{sql}: {e:?}")).columns;
    let masks: Vec<Option<&str>> = columns.iter().map(|c| c.mask.as_deref()).collect();
    assert_eq!(masks, expected, "{sql}");
    assert!(columns.iter().all(|c| c.masked == c.mask.is_some()), "{sql}");
}

#[test]
fn a_masked_column_as_it_stands_has_its_kind() {
    check("SELECT id, email, name AS n FROM users", &[None, Some("hash"), Some("fake")]);
    check("SELECT * FROM (SELECT email AS e FROM users) t ORDER BY e", &[Some("hash")]);
    check(
        "WITH a AS (SELECT email FROM users) SELECT a.email FROM a JOIN users u ON u.email = a.email",
        &[Some("hash")],
    );
    check("SELECT DISTINCT email FROM users", &[Some("hash")]);
    check("SELECT DISTINCT ON (id) email, id FROM users ORDER BY id", &[Some("hash"), None]);
    check("SELECT email FROM users UNION ALL SELECT email FROM users", &[Some("hash")]);
    check("SELECT email, count(*) FROM users GROUP BY email", &[Some("hash"), None]);
    check(
        "SELECT o.note, u.email FROM users u LEFT JOIN orders o ON o.user_id = u.id",
        &[Some("scrub"), Some("hash")],
    );
    check("SELECT o.id FROM orders o WHERE o.note IN (SELECT name FROM users)", &[None]);
}

#[test]
fn what_is_computed_from_masked_columns_is_derived() {
    let derived = Some("derived");
    check("SELECT upper(email), length(name), id + 1 FROM users", &[derived, derived, None]);
    check("SELECT max(email), count(*), count(name) FROM users", &[derived, None, derived]);
    check(
        "SELECT first_value(email) OVER (ORDER BY id), row_number() OVER (ORDER BY id) FROM users",
        &[derived, None],
    );
    check("SELECT email FROM users UNION ALL SELECT note FROM orders", &[derived]);
    check("SELECT email FROM users UNION ALL SELECT status FROM orders", &[derived]);
    check("SELECT (SELECT max(email) FROM users), (SELECT count(*) FROM users)", &[derived, None]);
    check(
        "SELECT id, (SELECT max(note) FROM orders o WHERE o.user_id = u.id) FROM users u",
        &[None, derived],
    );
    check("SELECT CASE WHEN email = 'x' THEN 1 ELSE 0 END FROM users", &[derived]);
    check("SELECT address['city'] FROM users", &[derived]);
    check("SELECT array_agg(email) FROM users", &[derived]);
    check("SELECT unnest(x), id FROM (SELECT array_agg(email) AS x, 1 AS id FROM users) t", &[derived, None]);
    check("SELECT plan, max(email) FROM users GROUP BY ROLLUP (plan)", &[None, derived]);
}

#[test]
fn long_chains_of_subqueries_are_followed_once_each() {
    let exists = "EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)";
    let all = vec![exists; 40].join(" OR u.id = 7 OR ");
    check(&format!("SELECT u.id, u.email FROM users u WHERE {all}"), &[None, Some("hash")]);
}
