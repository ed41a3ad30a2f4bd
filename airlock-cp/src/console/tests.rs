//! Every page, rendered: as people see it, with nothing in it, and with what an attacker would put there.

mod samples;

use std::collections::BTreeSet;

use samples::{Flavor, all};

#[test]
fn pages_are_as_committed() {
    for (name, html) in all(Flavor::Usual) {
        insta::assert_snapshot!(name, html);
    }
}

#[test]
fn nothing_that_others_write_becomes_markup_or_hides() {
    for (name, html) in all(Flavor::Hostile) {
        let own = if name.starts_with("approvals") { 2 } else { 1 };
        assert_eq!(html.matches("<script").count(), own, "{name}: only our own modules");
        for bad in ["<img", "onerror=\"", "javascript:", "<b>x"] {
            assert!(!html.contains(bad), "{name}: {bad:?}");
        }
        well_formed(&name, &html);
        // What a form carries on, or is to be edited, stays as it is; what is read does not.
        let read: String = shown(&html);
        for bad in ["\u{202e}", "\u{200b}"] {
            assert!(!read.contains(bad), "{name}: {bad:?}");
        }
    }
}

#[test]
fn every_page_holds_the_rules_whatever_is_on_it() {
    for flavor in [Flavor::Usual, Flavor::Empty, Flavor::Many, Flavor::Hostile] {
        for (name, html) in all(flavor) {
            rules(&name, &html);
        }
    }
}

fn rules(name: &str, html: &str) {
    assert_eq!(html.matches("<h1").count(), 1, "{name}: one first heading");
    assert_eq!(html.matches("<main").count(), 1, "{name}: one main part");
    assert!(
        html.contains(r##"<a class="skip" href="#main">"##) && html.contains(r#"id="main""#),
        "{name}: skip link"
    );
    for bad in [" style=", "<style", " onclick=", "src=\"http", "href=\"http", "action=\"http"] {
        assert!(!html.contains(bad), "{name}: {bad}");
    }
    for form in html.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap();
        if form.contains(r#"method="post""#) {
            assert!(form.contains(r#"name="csrf" value="tok""#), "{name}: a form without its token");
        } else {
            assert!(form.contains(r#"method="get""#) && !form.contains("csrf"), "{name}: a form that asks");
        }
    }
    let ids: Vec<&str> = attributes(html, " id=\"");
    let unique: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{name}: an id twice: {ids:?}");
    let labels: BTreeSet<&str> = attributes(html, " for=\"").into_iter().collect();
    for kind in ["<input", "<select", "<textarea"] {
        for field in html.split(kind).skip(1) {
            let tag = field.split('>').next().unwrap();
            let told = tag.contains("type=\"hidden\"")
                || tag.contains("aria-label=")
                || tag.contains("type=\"radio\"")
                || attributes(tag, " id=\"").first().is_some_and(|id| labels.contains(id));
            assert!(told, "{name}: {kind}{tag} has no label");
        }
    }
    let levels: Vec<u8> = html
        .match_indices("<h")
        .filter_map(|(at, _)| html.as_bytes().get(at + 2))
        .copied()
        .filter(u8::is_ascii_digit)
        .collect();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: a level of headings is skipped");
    for described in
        attributes(html, " aria-labelledby=\"").into_iter().chain(attributes(html, " aria-describedby=\""))
    {
        assert!(ids.contains(&described), "{name}: {described} is named and not there");
    }
}

// The text between the tags, but for what is to be edited.
fn shown(html: &str) -> String {
    let parts = html.split('<').filter(|part| !part.starts_with("textarea"));
    parts.filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
}

fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(name).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

// Tags that close, in order.
fn well_formed(name: &str, html: &str) {
    const VOID: [&str; 6] = ["meta", "link", "input", "hr", "br", "img"];
    let mut open: Vec<String> = Vec::new();
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let word: String =
            tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if tag.starts_with('!') || tag.ends_with('/') || VOID.contains(&word.as_str()) {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(word.as_str()), "{name}: closed in another order");
        } else {
            open.push(word);
        }
    }
    assert!(open.is_empty(), "{name}: left open: {open:?}");
}
