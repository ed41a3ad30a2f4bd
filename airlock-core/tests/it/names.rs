//! Unquoted names find the one column or table that differs by case only.

use airlock_core::policy::limits::Limits;

use crate::fixture::{rows, run};

#[track_caller]
fn check(sql: &str, expected: &str) {
    let answer = run(sql, Limits::default()).map(|shaped| rows(&shaped).to_owned());
    assert_eq!(answer.as_deref(), Ok(expected), "{sql}");
}

#[test]
fn names_with_upper_case_need_no_quotes() {
    check("SELECT userId FROM Events ORDER BY id LIMIT 1", "[[1]]");
    check("SELECT userid FROM events ORDER BY ID LIMIT 1", "[[1]]");
    check("SELECT e.USERID FROM EVENTS e ORDER BY e.id LIMIT 1", "[[1]]");
    check("SELECT events.userId FROM public.events ORDER BY id LIMIT 1", "[[1]]");
    check("SELECT \"userId\" FROM \"Events\" ORDER BY id LIMIT 1", "[[1]]");
    check("SELECT userId, count(*) FROM events GROUP BY userId ORDER BY userId", "[[1,2],[2,1]]");
}

#[test]
fn aliases_are_spelled_like_the_names_they_share() {
    check("SELECT id AS userId FROM users ORDER BY USERID", "[[1],[2],[3]]");
    check("SELECT userid FROM (SELECT userId FROM events) t ORDER BY userId LIMIT 1", "[[1]]");
    check("WITH events AS (SELECT 7 AS userId) SELECT userid FROM Events", "[[7]]");
    check("SELECT count(*) FROM events JOIN (SELECT id AS userid FROM users) u USING (userId)", "[[3]]");
}

#[test]
fn quoted_names_are_taken_as_written() {
    assert!(run("SELECT \"userid\" FROM events", Limits::default()).is_err());
    assert!(run("SELECT 1 FROM \"events\"", Limits::default()).is_err());
}
