//! The authorization endpoint, as the console calls it.

use std::time::Duration;

use airlock_core::Host as _;
use airlock_cp::oauth::Step;
use serde_json::json;

use super::harness::{
    ADA, AUDITOR, BILLING, BOB, CALLBACK, NOBODY, PUBLIC, Pairs, World, one, query, text, with,
};
use crate::harness::on_both;

async fn check(world: &World, request: &Pairs, person: Option<&str>) -> Step {
    let person = person.map(|id| world.person(id));
    world.oauth().authorize().check(request, person.as_ref()).await.unwrap()
}

fn kind(step: &Step) -> String {
    match step {
        Step::Page(error) => format!("page {error:?}"),
        Step::Redirect(to) => format!("back {}", one(&query(to.as_str()), "error")),
        Step::SignIn { again, .. } => format!("sign in {again}"),
        Step::ChooseOrg(_) => "choose".to_owned(),
        Step::Consent(_) => "consent".to_owned(),
        Step::Done(_) => "done".to_owned(),
        _ => "new".to_owned(),
    }
}

on_both! {
    a_person_signs_in_agrees_and_comes_back_with_a_code(test) {
        let world = World::on(test).await;
        let request = world.request(PUBLIC);
        assert_eq!(kind(&check(&world, &request, None).await), "sign in false");
        let Step::Consent(view) = check(&world, &request, Some(ADA)).await else { panic!() };
        assert_eq!((view.client_name.as_str(), view.verified, view.all_loopback), ("Public", true, false));
        assert_eq!(view.redirect_host, "app.example");
        assert_eq!(view.form_action.as_deref(), Some("https://app.example"));
        assert_eq!(view.resource, format!("{}/mcp/org/default", world.issuer()));
        assert_eq!(view.ends_at, world.cp.clock.now().after(Duration::from_secs(30 * 86_400)));
        assert_eq!(view.scopes.iter().map(|(s, _)| s.as_str()).collect::<Vec<_>>(), ["mcp:read", "mcp:call"]);
        let back = world.allowed(&view.request, &world.person(ADA)).await;
        assert_eq!(one(&back, "state"), "a state/+&");
        assert_eq!(one(&back, "iss"), world.issuer());
        assert!(one(&back, "code").starts_with("ac_"));
        assert_eq!(back.len(), 3);
        // Agreed once, the same is not asked again for 90 days.
        assert_eq!(kind(&check(&world, &request, Some(ADA)).await), "done");
        assert_eq!(kind(&check(&world, &with(&request, "prompt", Some("none")), Some(ADA)).await), "done");
        assert_eq!(kind(&check(&world, &with(&request, "prompt", Some("consent")), Some(ADA)).await), "consent");
        assert_eq!(kind(&check(&world, &request, Some(AUDITOR)).await), "consent", "another person");
        world.cp.clock.advance(Duration::from_secs(90 * 86_400));
        assert_eq!(kind(&check(&world, &request, Some(ADA)).await), "consent");
        assert!(world.acts().await.contains(&"oauth.consent.granted".to_owned()));
    }

    a_yes_is_for_this_client_address_resource_and_reach_only(test) {
        // T-101
        let world = World::on(test).await;
        let request = with(&world.request("keeper-client"), "scope", Some("mcp:read"));
        world.allowed(&request, &world.person(ADA)).await;
        assert_eq!(kind(&check(&world, &request, Some(ADA)).await), "done");
        let asked = async |name: &str, value: Option<&str>| kind(&check(&world, &with(&request, name, value), Some(ADA)).await);
        assert_eq!(asked("client_id", Some(PUBLIC)).await, "consent");
        assert_eq!(asked("redirect_uri", Some("https://app.example/other")).await, "consent");
        assert_eq!(asked("scope", Some("mcp:read mcp:call")).await, "consent");
        assert_eq!(asked("scope", None).await, "consent");
        assert_eq!(asked("resource", Some(&format!("{}/mcp/acme", world.issuer()))).await, "consent");
        assert_eq!(asked("resource", Some(&format!("{}/mcp/org/default", world.issuer()))).await, "done");
    }

    the_org_is_chosen_or_follows_from_the_resource(test) {
        let world = World::on(test).await;
        let request = world.request(PUBLIC);
        let issuer = world.issuer();
        let Step::ChooseOrg(orgs) = check(&world, &request, Some(BOB)).await else { panic!() };
        assert_eq!(orgs.iter().map(|m| m.org.slug.as_str()).collect::<Vec<_>>(), ["beta", "default"]);
        let mut bob = world.person(BOB);
        bob.org = Some("org_beta".parse().unwrap());
        let Step::Consent(view) = world.oauth().authorize().check(&request, Some(&bob)).await.unwrap() else { panic!() };
        assert_eq!(view.resource, format!("{issuer}/mcp/org/beta"));
        let asked = |resource: &str| with(&request, "resource", Some(&format!("{issuer}{resource}")));
        let Step::Consent(view) = check(&world, &asked("/mcp/bolt"), Some(BOB)).await else { panic!() };
        assert_eq!((view.org.slug.as_str(), view.resource), ("beta", format!("{issuer}/mcp/bolt")));
        // The chosen org and the resource's differ.
        assert_eq!(kind(&world.oauth().authorize().check(&asked("/mcp/acme"), Some(&bob)).await.unwrap()), "back invalid_target");
        // An org that is not theirs.
        let mut ada = world.person(ADA);
        ada.org = Some("org_beta".parse().unwrap());
        assert_eq!(kind(&world.oauth().authorize().check(&request, Some(&ada)).await.unwrap()), "back invalid_target");
        // What is another's looks like what is not there.
        let theirs = check(&world, &asked("/mcp/bolt"), Some(ADA)).await;
        let nobodys = check(&world, &asked("/mcp/ghost"), Some(ADA)).await;
        assert_eq!(format!("{theirs:?}"), format!("{nobodys:?}"));
        assert_eq!(kind(&theirs), "back invalid_target");
        let both = [asked("/mcp/org/beta"), asked("/mcp/org/ghost")];
        assert_eq!(kind(&check(&world, &both[0], Some(ADA)).await), kind(&check(&world, &both[1], Some(ADA)).await));
    }
}

#[tokio::test]
async fn somebody_who_signed_in_long_ago_signs_in_again_when_asked_to() {
    let world = World::fresh().await;
    let request = world.request(PUBLIC);
    let mut ada = world.person(ADA);
    ada.auth_at = world.cp.clock.now().before(Duration::from_secs(600));
    let check = async |name: &str, value: &str| {
        kind(&world.oauth().authorize().check(&with(&request, name, Some(value)), Some(&ada)).await.unwrap())
    };
    assert_eq!(check("prompt", "login").await, "sign in true");
    assert_eq!(check("max_age", "599").await, "sign in true");
    assert_eq!(check("max_age", "600").await, "consent");
    assert_eq!(check("max_age", "0").await, "sign in true");
    assert_eq!(check("prompt", "select_account").await, "consent");
    ada.auth_at = world.cp.clock.now();
    let step =
        world.oauth().authorize().check(&with(&request, "prompt", Some("login")), Some(&ada)).await.unwrap();
    assert_eq!(kind(&step), "consent");
    let hinted = with(&request, "login_hint", Some("ada@example.com"));
    let step = world.oauth().authorize().check(&hinted, None).await.unwrap();
    assert!(matches!(step, Step::SignIn { login_hint: Some(hint), .. } if hint == "ada@example.com"));
}

#[tokio::test]
async fn a_role_gives_what_it_has() {
    let world = World::fresh().await;
    let request = world.request(PUBLIC);
    let granted = async |person: &str, scope: Option<&str>| match check(
        &world,
        &with(&request, "scope", scope),
        Some(person),
    )
    .await
    {
        Step::Consent(view) => view.scopes.iter().map(|(s, _)| s.as_str()).collect::<Vec<_>>().join(" "),
        other => kind(&other),
    };
    assert_eq!(granted(ADA, None).await, "mcp:read mcp:call");
    assert_eq!(granted(ADA, Some("openid mcp:read unknown")).await, "mcp:read openid");
    assert_eq!(granted(AUDITOR, None).await, "mcp:read");
    assert_eq!(granted(AUDITOR, Some("mcp:call")).await, "back access_denied");
    assert_eq!(granted(BILLING, None).await, "back access_denied");
    assert_eq!(granted(BILLING, Some("openid")).await, "back access_denied");
    assert_eq!(granted(NOBODY, None).await, "back access_denied");
}

#[tokio::test]
async fn several_resources_become_the_one_that_covers_them() {
    let world = World::fresh().await;
    world.cp.tenant("second").await;
    let issuer = world.issuer();
    let asked = async |resources: &[&str]| {
        let mut request = world.request(PUBLIC);
        request.extend(resources.iter().map(|r| ("resource".to_owned(), format!("{issuer}{r}"))));
        match check(&world, &request, Some(ADA)).await {
            Step::Consent(view) => view.resource.strip_prefix(&issuer).unwrap().to_owned(),
            other => kind(&other),
        }
    };
    assert_eq!(asked(&[""]).await, "/mcp/org/default");
    assert_eq!(asked(&["/mcp"]).await, "/mcp/org/default");
    assert_eq!(asked(&["/mcp/acme"]).await, "/mcp/acme");
    assert_eq!(asked(&["/mcp/acme/s/u_1"]).await, "/mcp/acme");
    assert_eq!(asked(&["/mcp/acme", "/mcp/acme"]).await, "/mcp/acme");
    assert_eq!(asked(&["/mcp/acme", "/mcp/org/default"]).await, "/mcp/org/default");
    assert_eq!(asked(&["/mcp/acme", "/mcp/second"]).await, "back invalid_target");
    assert_eq!(asked(&["/mcp/acme", "/mcp/bolt"]).await, "back invalid_target");
    assert_eq!(asked(&["/mcp/acme"; 11]).await, "back invalid_target");
}

#[tokio::test]
async fn a_no_goes_back_and_into_the_log() {
    let world = World::fresh().await;
    let step = world.oauth().authorize().deny(&world.request(PUBLIC), &world.person(ADA)).await.unwrap();
    assert_eq!(kind(&step), "back access_denied");
    assert!(world.acts().await.contains(&"oauth.consent.denied".to_owned()));
    assert_eq!(kind(&check(&world, &world.request(PUBLIC), Some(ADA)).await), "consent");
}

#[tokio::test]
async fn what_the_page_carried_on_is_checked_anew() {
    let world = World::fresh().await;
    let request = world.request(PUBLIC);
    let allow = async |request: &Pairs, person: &str| {
        kind(&world.oauth().authorize().allow(request, &world.person(person)).await.unwrap())
    };
    assert_eq!(
        allow(&with(&request, "redirect_uri", Some("https://evil.example/")), ADA).await,
        "page UnknownRedirect"
    );
    assert_eq!(
        allow(&with(&request, "resource", Some(&format!("{}/mcp/bolt", world.issuer()))), ADA).await,
        "back invalid_target"
    );
    assert_eq!(allow(&request, BOB).await, "choose");
    assert_eq!(allow(&request, BILLING).await, "back access_denied");
    world.test.raw(&format!("UPDATE users SET status = 'disabled' WHERE id = '{ADA}'")).await;
    assert_eq!(allow(&request, ADA).await, "back access_denied");
}

#[tokio::test]
async fn an_orgs_own_client_is_for_its_people() {
    let world = World::fresh().await;
    let body = json!({"name": "Beta's", "org_id": "org_beta", "redirect_uris": [CALLBACK]});
    let made = world.cp.post("/api/v1/admin/clients", body).await.body;
    let request = world.request(&text(&made, "client_id"));
    assert_eq!(kind(&check(&world, &request, Some(ADA)).await), "back access_denied");
    // Bob is in two orgs; only one can be meant.
    let Step::Consent(view) = check(&world, &request, Some(BOB)).await else { panic!() };
    assert_eq!(view.org.slug.as_str(), "beta");
}
