//! Long lists: pages show a hundred and lead on, and published clients get all of theirs.

use http::Method;
use serde_json::{Value, json};

use crate::apps_people::{Person, org, person};
use crate::harness::{Cp, TestStore, on_both};

/// Many rows at once, past the program.
async fn rows(test: &TestStore, into: &str, row: impl Fn(usize) -> String, count: usize) {
    let all: Vec<_> = (0..count).map(row).collect();
    for part in all.chunks(200) {
        test.raw(&format!("INSERT INTO {into} VALUES {}", part.join(", "))).await;
    }
}

/// A page as its person sees it.
async fn page(cp: &Cp, who: &Person, path: &str) -> String {
    let cookie = format!("__Host-airlock_session={}", who.cookie);
    let seen = cp.bare(Method::GET, path, None, &[("cookie", &cookie), ("accept", "text/html")]).await;
    assert_eq!(seen.status, 200, "{path}: {:?}", seen.body);
    seen.body.as_str().unwrap().to_owned()
}

fn link(html: &str, of: &str, says: &str) -> Option<String> {
    let nav = html.split(&format!("aria-label=\"More {of}\"")).nth(1)?.split("</nav>").next()?;
    let link = nav.split("<a ").find(|link| link.contains(&format!(">{says}<")))?;
    let href = link.split("href=\"").nth(1)?.split('"').next()?;
    Some(href.replace("&amp;", "&").replace("&#38;", "&"))
}

/// Follows a list from its beginning by its own links: which of the names each page has.
async fn walk(cp: &Cp, who: &Person, path: &str, of: &str, names: &[String]) {
    let (mut at, mut met, mut pages) = (path.to_owned(), Vec::new(), 0);
    loop {
        let html = page(cp, who, &at).await;
        let here: Vec<_> = names.iter().filter(|name| html.contains(name.as_str())).cloned().collect();
        assert!(here.len() <= 100, "{at}: {}", here.len());
        met.extend(here);
        pages += 1;
        assert_eq!(link(&html, of, "First").as_deref(), (pages > 1).then_some(path), "{at}");
        match link(&html, of, "Next") {
            Some(next) => at = next,
            None => break,
        }
    }
    met.sort();
    assert_eq!(met, names, "{path}: each once, on {pages} pages");
    assert_eq!(pages, names.len().div_ceil(100), "{path}");
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:04}.")).collect()
}

on_both! {
    a_page_shows_a_hundred_and_leads_to_the_others(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "large").await;
        let ada = person(&test, "org_large", "owner").await;
        let metadata = r#"{"redirect_uris":[],"grant_types":["authorization_code"],"token_endpoint_auth_method":"none","token_format":"opaque"}"#;
        rows(&test, "oauth_clients (id, kind, org_id, name, metadata, status, created_at, updated_at, version)", |n| {
            format!("('c-{n:04}', 'preregistered', 'org_large', 'client-{n:04}.', '{metadata}', 'active', 1, 1, 1)")
        }, 250).await;
        rows(&test, "tenants (id, org_id, slug, name, status, created_at, updated_at, version)", |n| {
            format!("('t_n{n:04}', 'org_large', 'n{n:04}', 'tenant-{n:04}.', 'active', 1, 1, 1)")
        }, 101).await;
        rows(&test, "invitations (id, hash, org_id, email, email_key, role, invited_by, created_at, expires_at)", |n| {
            let hash = match test.store.dialect() {
                airlock_cp::store::Dialect::Sqlite => format!("x'{n:064x}'"),
                airlock_cp::store::Dialect::Postgres => format!("'\\x{n:064x}'::bytea"),
            };
            format!("('ivt_01ARZ3NDEKTSV4RRFFQ69G{n:04}', {hash}, 'org_large', 'guest-{n:04}.@example.com', 'guest-{n:04}.@example.com', 'member', '{}', 1, 9000000000000)", ada.id)
        }, 201).await;
        let user = |n: usize| format!("usr_01ARZ3NDEKTSV4RRFFQ69G{n:04}");
        rows(&test, "users (id, email, email_key, email_verified_at, name, status, created_at, updated_at, version)", |n| {
            format!("('{0}', 'm{n:04}@example.com', 'm{n:04}@example.com', 1, 'member-{n:04}.', 'active', 1, 1, 1)", user(n))
        }, 150).await;
        rows(&test, "memberships (org_id, user_id, role, joined_at)", |n| format!("('org_large', '{}', 'member', 1)", user(n)), 150).await;
        walk(&cp, &ada, "/org/clients", "clients", &names("client", 250)).await;
        walk(&cp, &ada, "/org/grants", "tenants", &names("tenant", 101)).await;
        walk(&cp, &ada, "/", "tenants", &names("tenant", 101)).await;
        walk(&cp, &ada, "/org", "invitations", &names("guest", 201)).await;
        // She herself is one more.
        let html = page(&cp, &ada, "/org").await;
        let next = link(&html, "members", "Next").unwrap();
        let second = page(&cp, &ada, &next).await;
        assert!(html.contains("member-0099.") && !html.contains("member-0100."));
        assert!(second.contains("member-0100.") && second.contains("member-0149.") && !second.contains("member-0099."));
        assert_eq!(link(&second, "members", "Next"), None);
        // One list goes on and the other stays where it is; who asked is named though they are on another page.
        let both = link(&second, "invitations", "Next").unwrap();
        let third = page(&cp, &ada, &both).await;
        assert!(third.contains("guest-0100.") && third.contains("member-0100."), "{both}");
        assert_eq!(link(&third, "members", "First").unwrap(), both.replace(&next[5..], "").replace("?&", "?").trim_end_matches('&'));
        assert!(!html.contains("somebody who left") && html.contains("by <bdi>Ada</bdi>"));
        assert!(page(&cp, &ada, "/").await.contains("<b>151</b>"), "all are counted");
        // A cursor is no more than a place: one that was made up leads nowhere else.
        for after in ["zzzz", "%27%20OR%201%3D1--", "%22%3E%3Cb%3Ex", "%00"] {
            let html = page(&cp, &ada, &format!("/org/clients?after={after}")).await;
            assert!(!html.contains("<b>x") && !html.contains("' OR"), "{after}");
        }
    }

    published_clients_get_all_of_their_own(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "member").await;
        let (pat, _) = cp.pat(&ada).await;
        let hash = |n: usize| match test.store.dialect() {
            airlock_cp::store::Dialect::Sqlite => format!("x'{n:064x}'"),
            airlock_cp::store::Dialect::Postgres => format!("'\\x{n:064x}'::bytea"),
        };
        // Most were taken back long ago; the last is good.
        rows(&test, "pats (id, hash, user_id, org_id, name, hint, created_at, expires_at, revoked_at)", |n| {
            let revoked = if n < 1_050 { "1" } else { "NULL" };
            format!("('pat_01ARZ3NDEKTSV4RRFFQ69G{n:04}', {}, '{}', 'default', 'pat-{n:04}.', 'h', 1, 9000000000000, {revoked})", hash(n), ada.id)
        }, 1_060).await;
        rows(&test, "oauth_clients (id, kind, org_id, name, metadata, status, created_at, updated_at, version)", |n| {
            let metadata = r#"{"redirect_uris":[],"grant_types":["authorization_code"],"token_endpoint_auth_method":"none","token_format":"opaque"}"#;
            format!("('appclient{n:011}', 'app', 'default', 'app-{n:04}.', '{metadata}', 'active', 1, 1, 1)")
        }, 501).await;
        rows(&test, "apps (id, client_id, org_id, owner_id, kind, name, description, is_open_source, origins, status, created_at, updated_at, version)", |n| {
            format!("('AAA-{n:07}', 'appclient{n:011}', 'default', '{}', 'Mobile', 'app-{n:04}.', '', false, '[]', 'active', 1, 1, 1)", ada.id)
        }, 501).await;
        let listed = async |path: &str| -> Vec<Value> {
            let answer = cp.bare(Method::GET, path, None, &[("x-pat", &pat)]).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            answer.body["items"].as_array().unwrap().clone()
        };
        let pats = listed("/v1/pats").await;
        assert_eq!(pats.len(), 11, "ten, and the one that asks");
        assert!(pats.iter().any(|pat| pat["name"] == "pat-1059."));
        let html = page(&cp, &ada, "/profile").await;
        assert!(html.contains("pat-1059.") && html.contains("pat-1050.") && !html.contains("pat-1049."));
        let apps = listed("/v1/developer/apps").await;
        assert_eq!(apps.len(), 501);
        assert!(apps.iter().any(|app| app["name"] == json!("app-0500.")));
        walk(&cp, &ada, "/org/apps", "apps", &names("app", 501)).await;
    }

    a_nul_names_nothing(test) {
        // No id has one; a store that cannot hold it must not be asked.
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "owner").await;
        let (pat, _) = cp.pat(&ada).await;
        let operations = cp.app.api().operations().to_vec();
        for operation in operations {
            let path = operation.path.split('{').next().unwrap();
            let path = match operation.path.contains('{') {
                true => format!("{path}%00"),
                false => format!("{path}?cursor=a%00b"),
            };
            // Streams of events have no end.
            let is_stream = path.contains("/stream") || path.contains("/events");
            if operation.method != Method::GET || is_stream {
                continue;
            }
            let answers = [
                cp.browse(&ada, Method::GET, &path, None).await,
                cp.get(&path).await,
                cp.bare(Method::GET, &path, None, &[("x-pat", &pat)]).await,
            ];
            for answer in answers {
                assert!(answer.status.as_u16() < 500, "{path}: {:?}", answer.body);
            }
        }
    }
}
