//! Two orgs, and one of everything that the second of them has.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::super::people::{Person, Town};
use crate::apps_people::access_token;
use crate::harness::{Answer, Cp, TestStore, request};

/// The ids of things by the name that a path has for them.
pub(super) type Ids = BTreeMap<&'static str, String>;

/// How somebody shows who they are.
pub(super) struct Asker {
    pub(super) name: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Asker {
    fn browser(name: &'static str, person: &Person) -> Self {
        let cookie = format!("__Host-airlock_session={}", person.cookie);
        Self { name, headers: vec![("cookie", cookie), ("x-csrf-token", person.csrf())] }
    }
    // The gateway and the rest of the API take it in headers of their own.
    fn token(name: &'static str, pat: &str) -> Self {
        Self { name, headers: vec![("x-pat", pat.to_owned()), ("authorization", format!("Bearer {pat}"))] }
    }
    fn operator_in(org: &str) -> Self {
        let bearer = format!("Bearer {}", crate::harness::TOKEN);
        Self {
            name: "the operator",
            headers: vec![("authorization", bearer), ("airlock-org", org.to_owned())],
        }
    }

    pub(super) async fn ask(&self, cp: &Cp, method: &Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = request(method.clone(), path, body);
        for (name, value) in &self.headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        cp.send(request).await
    }
}

/// Everybody and everything.
pub(super) struct Things {
    pub(super) town: Town,
    /// Owner of the first org.
    pub(super) ada: Person,
    /// A member of the second, beside the one whose things these are.
    pub(super) finn: Person,
    /// People of the first org and of none, with and without much to say there.
    pub(super) strangers: Vec<Asker>,
    /// Another member of the second org.
    pub(super) neighbours: Vec<Asker>,
    /// Who may do what to these things: the owner of their org, and the person.
    pub(super) rightful: Vec<Asker>,
    pub(super) theirs: Ids,
    /// The second org's own id.
    pub(super) org: String,
}

/// Ids of the right kinds that nothing has.
pub(super) fn nobodys() -> Ids {
    const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let ulid = |prefix: &str| format!("{prefix}{ULID}");
    Ids::from([
        ("user_id", ulid("usr_")),
        ("session_id", ulid("ses_")),
        ("invitation_id", ulid("ivt_")),
        ("pat_id", ulid("pat_")),
        ("family_id", ulid("fam_")),
        ("client_id", "nobodys-client".to_owned()),
        ("app_id", "ZZZ-0000000".to_owned()),
        ("tenant_id", "t_nobodys".to_owned()),
        ("kid", "zzzzzzzz".to_owned()),
        ("enrollment_id", "zzzzzzzz".to_owned()),
        ("worker_id", "w_nobody_x".to_owned()),
        ("role", "member".to_owned()),
    ])
}

impl Things {
    pub(super) async fn on(test: &TestStore) -> Self {
        let town = Town::on(test.store.clone()).await;
        let (mine, org) = (town.org("mine").await, town.org("theirs").await);
        let ada = town.person("ada", &mine, "owner").await;
        let mia = town.person("mia", &mine, "member").await;
        let auditor = town.person("auditor", &mine, "auditor").await;
        let nobody = town.person("nobody", &mine, "").await;
        let boss = town.person("boss", &org, "owner").await;
        let eve = town.person("eve", &org, "member").await;
        let finn = town.person("finn", &org, "member").await;
        let pat = async |person: &Person| {
            let made = made(person.post(&town.cp, "/api/v1/me/pats", json!({"name": "ci"})).await);
            (text(&made, "token"), text(&made, "id"))
        };
        let (ada_pat, eve_pat, finn_pat) = (pat(&ada).await.0, pat(&eve).await.0, pat(&finn).await.0);
        let tenant = town.cp.tenant("theirs").await;
        let (kid, _) = town.cp.key(&tenant).await;
        let enrollments = format!("/api/v1/tenants/{tenant}/enrollments");
        let enrollment = made(town.cp.post(&enrollments, json!({"worker_id": "w_theirs_x"})).await);
        test.raw(&format!("UPDATE tenants SET org_id = '{org}' WHERE id = '{tenant}'")).await;
        let grant = format!("/api/v1/org/tenants/{tenant}/grants/member");
        let all = json!({"allowed_snapshots": null});
        assert_eq!(boss.ask(&town.cp, Method::PUT, &grant, Some(all)).await.status.as_u16(), 200);
        let client = json!({"name": "Theirs", "redirect_uris": ["https://theirs.example/cb"]});
        let client = text(&made(boss.post(&town.cp, "/api/v1/org/clients", client).await), "client_id");
        let app = json!({"name": "Hers", "kind": "Agent"});
        let app = text(&made(eve.post(&town.cp, "/api/v1/org/apps", app).await), "app_id");
        let guest = json!({"email": "guest@example.com", "role": "member"});
        let invitation = text(&made(boss.post(&town.cp, "/api/v1/org/invitations", guest).await), "id");
        let of_hers = (eve.id.as_str(), org.as_str());
        let (_, family) = access_token(test, &client, of_hers, ("/mcp/org/theirs", "mcp:read")).await;
        town.sign_in(&eve.id).await;
        let sessions = eve.get(&town.cp, "/api/v1/me/sessions").await.body;
        let other = |session: &&Value| session["current"] != true;
        let session = text(sessions["items"].as_array().unwrap().iter().find(other).unwrap(), "id");
        let theirs = Ids::from([
            ("user_id", eve.id.to_string()),
            ("session_id", session),
            ("invitation_id", invitation),
            ("pat_id", pat(&eve).await.1),
            ("family_id", family),
            ("client_id", client),
            ("app_id", app),
            ("tenant_id", tenant),
            ("kid", kid),
            ("enrollment_id", text(&enrollment, "id")),
            ("worker_id", "w_theirs_x".to_owned()),
            ("role", "member".to_owned()),
        ]);
        let strangers = vec![
            Asker::browser("an owner elsewhere", &ada),
            Asker::token("an owner elsewhere, by token", &ada_pat),
            Asker::browser("a member elsewhere", &mia),
            Asker::browser("an auditor elsewhere", &auditor),
            Asker::browser("somebody of no org", &nobody),
            Asker::operator_in(&mine),
        ];
        let neighbours =
            vec![Asker::browser("a neighbour", &finn), Asker::token("a neighbour, by token", &finn_pat)];
        let rightful = vec![
            Asker::browser("their owner", &boss),
            Asker::browser("she", &eve),
            Asker::token("her token", &eve_pat),
        ];
        Self { town, ada, finn, strangers, neighbours, rightful, theirs, org }
    }

    /// All that those see whose things these are.
    pub(super) async fn seen_by_them(&self) -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::new();
        for operation in self.town.cp.app.api().operations() {
            if operation.method != Method::GET || !operation.person {
                continue;
            }
            let path = fill(operation.path, &self.theirs);
            // What this walk has no id for, and streams of events, which have no end.
            if path.contains('{') || path.ends_with("/events") {
                continue;
            }
            for who in &self.rightful {
                let answer = who.ask(&self.town.cp, &Method::GET, &path, None).await;
                let mut told = json!([answer.status.as_u16(), answer.body]);
                forget(&mut told, &["request_id", "last_used_at", "lastUsedAt", "last_seen_at"]);
                seen.insert(format!("{} {path}", who.name), told);
            }
        }
        seen
    }
}

fn made(answer: Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 201, "{:?}", answer.body);
    answer.body
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

/// The path with these ids in its places. One without an id here stays as it is.
pub(super) fn fill(path: &str, ids: &Ids) -> String {
    ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
}

/// Takes these members out, at any depth.
pub(super) fn forget(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !names.contains(&name.as_str()));
            members.values_mut().for_each(|member| forget(member, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, names)),
        _ => {}
    }
}
