//! Any text may be refused; none may panic, and none may be admitted twice differently.
#![no_main]

use airlock_core::egress::{Checked, TableShape, admit};
use airlock_core::policy::limits::Limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    let limits = Limits::default();
    let Ok(checked) = Checked::new(sql, &limits) else { return };
    let tables = [TableShape { name: "users".to_owned(), columns: vec!["id".to_owned(), "userId".to_owned()] }];
    let (first, second) = (admit(&checked, &tables, &limits), admit(&checked, &tables, &limits));
    assert_eq!(first.is_ok(), second.is_ok());
});
