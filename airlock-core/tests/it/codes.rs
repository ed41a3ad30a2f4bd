//! Every code has its page in docs/errors.

use airlock_core::Code;

#[test]
fn every_code_has_a_page_that_begins_with_its_name() {
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    for &code in Code::ALL {
        let page = std::fs::read_to_string(pages.join(format!("{code}.md"))).unwrap_or_default();
        assert!(page.starts_with(&format!("# {code}\n")), "{code} has no page");
        assert!(page.contains(&format!("| {}", code.rpc_code())), "{code}'s page has another number");
    }
}
