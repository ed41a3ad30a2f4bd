//! What the pages are rendered with.

use airlock_core::Timestamp;

use crate::authz::Role;
use crate::console::assets::Module;
use crate::console::text::When;
use crate::console::views::*;

/// Which kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavor {
    /// As most people have it.
    Usual,
    /// Nothing anywhere.
    Empty,
    /// A hundred of each.
    Many,
    /// As an attacker would have it.
    Hostile,
}

const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=\"alert(1)\">\u{202e}gpj.\u{200b}<b>x</b>{{7*7}}javascript:";

impl Flavor {
    fn text(self, usual: &str) -> String {
        match self {
            Self::Hostile => format!("{EVIL}{}", "W".repeat(2_000)).replace("javascript:", "java script:"),
            _ => usual.to_owned(),
        }
    }
    fn list<T>(self, usual: Vec<T>, make: impl Fn(usize) -> T) -> Vec<T> {
        match self {
            Self::Usual | Self::Hostile => usual,
            Self::Empty => Vec::new(),
            Self::Many => (0..100).map(make).collect(),
        }
    }
}

fn ago(seconds: i64) -> When {
    let now = 1_800_000_000_000;
    When::of(Timestamp::from_millis(now - seconds * 1_000), Timestamp::from_millis(now))
}

const DAY: i64 = 86_400;

struct Maker {
    flavor: Flavor,
    pages: Vec<(String, String)>,
}

impl Maker {
    fn add(&mut self, name: &str, view: &impl askama::Template) {
        self.pages.push((name.to_owned(), view.render().unwrap()));
    }
    fn door(&self, title: &str) -> Shell {
        let mut shell = Shell::bare("/assets/0".into(), title);
        shell.csrf = "tok".to_owned();
        if self.flavor == Flavor::Hostile {
            shell.notice = Some(Notice::Failed(self.flavor.text("no")));
        }
        shell
    }
    fn room(&self, title: &str, here: Place, role: Role) -> Shell {
        let f = self.flavor;
        let org =
            |n: usize| OrgChoice { id: format!("o_{n}"), name: f.text(&format!("Org {n}")), current: n == 0 };
        let who = Who {
            name: f.text("Ada Lovelace"),
            email: f.text("ada@acme.example"),
            operator: false,
            org: Some(OrgHere { name: f.text("Acme Analytics"), role }),
            orgs: f.list(
                vec![
                    OrgChoice { id: "o_1".into(), name: f.text("Acme Analytics"), current: true },
                    OrgChoice { id: "o_2".into(), name: f.text("Night Shift"), current: false },
                ],
                org,
            ),
        };
        Shell { who: Some(who), here, ..self.door(title) }
    }
    fn scopes(&self) -> Vec<ScopeWords> {
        let words = ["mcp:read", "mcp:call", "email", "offline_access"].map(|s| ScopeWords::of(s).unwrap());
        self.flavor.list(words.to_vec(), |_| ScopeWords::of("openid").unwrap())
    }

    fn doors(&mut self) {
        let f = self.flavor;
        let mut shell = self.door("Sign in");
        let view = |shell: Shell, open, operator| SignInPage {
            shell,
            next: f.text("/profile"),
            email: f.text(""),
            open,
            operator,
        };
        self.add("sign_in", &view(shell.clone(), false, false));
        shell.notice = Some(Notice::Failed("That address and password do not belong together.".into()));
        self.add("sign_in_failed", &view(shell, true, true));
        let up = |shell, allowed, org: Option<&str>| SignUpPage {
            shell,
            allowed,
            token: f.text("inv_1"),
            org: org.map(|o| f.text(o)),
            email: f.text("ada@acme.example"),
            name: f.text(""),
        };
        self.add("sign_up", &up(self.door("Make an account"), true, None));
        self.add("sign_up_invited", &up(self.door("Join"), true, Some("Acme Analytics")));
        self.add("sign_up_closed", &up(self.door("Make an account"), false, None));
        let accept = |shell, me: Option<&str>, same| AcceptPage {
            shell,
            token: f.text("inv_1"),
            here: f.text("/invitations/accept?token=inv_1"),
            org: f.text("Acme Analytics"),
            invited_by: Some(f.text("Grace Hopper")),
            role: "admin".into(),
            email: f.text("ada@acme.example"),
            signed_in_as: me.map(|m| f.text(m)),
            same,
        };
        self.add("accept", &accept(self.door("Invitation"), Some("ada@acme.example"), true));
        self.add("accept_other", &accept(self.door("Invitation"), Some("bob@acme.example"), false));
        self.add("accept_signed_out", &accept(self.door("Invitation"), None, false));
        self.add("forgot", &ForgotPage { shell: self.door("Forgot your password?") });
        self.add("reset", &ResetPage { shell: self.door("Choose a new password"), token: f.text("mt_1") });
        self.add(
            "verify",
            &ConfirmPage {
                shell: self.door("Confirm your address"),
                text: "One press, and this address is confirmed as yours.".into(),
                action: "/verify",
                token: f.text("mt_1"),
                button: "Confirm my address",
            },
        );
        self.add(
            "message",
            &MessagePage {
                shell: self.door("Look at your mail"),
                text: f.text("If there is an account for that address, a mail with a link is on its way."),
                more: "It comes within a minute. Look among unwanted mail, too.".into(),
                link: Some(("/login".into(), "Back to sign-in")),
            },
        );
        let token = "airpat_Zk3v9QeXo5mJtR7uYw2bLc8dNf4gHs6aPi1kVxTzUqE".to_owned();
        self.add(
            "secret",
            &SecretPage {
                shell: self.door("Your new token"),
                text: f.text("It is for nightly report, in Acme Analytics."),
                secrets: vec![
                    Secret { label: "Client id", id: "client-id", text: "k3v9QeXo5mJtR7uYw2bL".into() },
                    Secret { label: "Token", id: "token", text: token },
                ],
                warning: "This is the only time it is shown. Keep it where secrets belong.",
                back: ("/profile#tokens", "I have kept it"),
            },
        );
        self.add(
            "error",
            &ErrorPage {
                shell: self.door("Nothing is here"),
                status: 404,
                detail: f.text("No such path."),
                advice: "The link may be old, or the thing may belong to another organization.",
                request_id: f.text("req_0123456789abcdef"),
            },
        );
    }

    fn asked(&mut self) {
        let f = self.flavor;
        let orgs = f.list(
            vec![
                OrgEntry {
                    id: "o_1".into(),
                    name: f.text("Acme Analytics"),
                    note: "You are admin".into(),
                    href: Some(f.text("/authorize?org=o_1")),
                },
                OrgEntry {
                    id: "o_2".into(),
                    name: f.text("Night Shift"),
                    note: "You are member".into(),
                    href: None,
                },
            ],
            |n| OrgEntry {
                id: format!("o_{n}"),
                name: format!("Org {n}"),
                note: "You are member".into(),
                href: None,
            },
        );
        self.add(
            "orgs",
            &OrgsPage {
                shell: self.door("Which organization?"),
                text: f.text("The program will act for you in one of them."),
                orgs: orgs.clone(),
                pager: pager("/orgs"),
            },
        );
        self.add(
            "going",
            &GoingPage { shell: self.door("Going on"), next: f.text("/authorize?client_id=c_1") },
        );
        let consent = |maker: &Self, client: &str, verified, loopback| ConsentPage {
            shell: maker.door("Allow access"),
            carried: vec![("client_id".into(), f.text("c_1"))],
            client: f.text(client),
            verified,
            client_id: f.text("claude.ai"),
            redirect_host: f.text(if loopback { "localhost" } else { "claude.ai" }),
            loopback,
            account: f.text("ada@acme.example"),
            org: f.text("Acme Analytics"),
            resource: f.text("https://cp.acme.example/mcp/crm"),
            scopes: maker.scopes(),
            ends: "in 30 days, or when you disconnect it".into(),
            other: Some(("/login?next=%2Fauthorize".into(), "Use another account")),
        };
        self.add("consent", &consent(self, "Claude", true, false));
        self.add("consent_unverified", &consent(self, "My MCP client", false, true));
        let code = f.text("BDWP-HQPK");
        let step = |maker: &Self, step| DevicePage { shell: maker.door("Connect a device"), step };
        self.add("device", &step(self, DeviceStep::Enter { code: String::new() }));
        self.add(
            "device_confirm",
            &step(
                self,
                DeviceStep::Confirm {
                    code,
                    client: f.text("airlock-integrations"),
                    verified: f == Flavor::Usual,
                    from: f.text("203.0.113.7"),
                    account: f.text("ada@acme.example"),
                    orgs,
                    scopes: self.scopes(),
                },
            ),
        );
        self.add("device_allowed", &step(self, DeviceStep::Allowed));
        self.add("device_denied", &step(self, DeviceStep::Denied));
    }

    fn own(&mut self) {
        let f = self.flavor;
        let endpoint =
            |n: usize| (f.text(&format!("Tenant {n}")), f.text(&format!("https://cp.acme.example/mcp/t{n}")));
        let home = |shell| HomePage {
            shell,
            greeting: f.text("Ada"),
            clients: 2,
            sessions: 1,
            members: (f != Flavor::Empty).then_some(7),
            endpoints: f.list(vec![endpoint(1)], endpoint),
            pager: Pager::default(),
            hints: f.list(
                vec![
                    Hint { title: "Verify your e-mail", text: String::new(), link: None, done: true },
                    Hint {
                        title: "Let members reach data",
                        text: f.text("Without a rule they see the schema only."),
                        link: Some(("/org/grants", "Set access")),
                        done: false,
                    },
                    Hint {
                        title: "Invite your team",
                        text: f.text("A link that works once."),
                        link: Some(("/org", "Invite")),
                        done: false,
                    },
                ],
                |_| Hint { title: "Invite your team", text: String::new(), link: None, done: false },
            ),
        };
        self.add("home", &home(self.room("Home", Place::Home, Role::Admin)));
        let mut operator = self.room("Home", Place::Home, Role::Owner);
        if let Some(who) = operator.who.as_mut() {
            (who.operator, who.name, who.email) = (true, "Operator".into(), String::new());
        }
        self.add("home_operator", &home(operator));
        let session = |n: usize| SessionEntry {
            id: format!("l_{n}"),
            browser: f.text(if n == 0 { "Firefox on Linux" } else { "Safari on iPhone" }),
            ip: f.text("203.0.113.7"),
            since: ago(DAY * 3),
            seen: ago(n as i64 * 3_700),
            current: n == 0,
        };
        let client = |n: usize| ConnectedClient {
            id: format!("f_{n}"),
            name: f.text(if n == 0 { "Claude" } else { "MCP Inspector" }),
            verified: n == 0,
            scopes: vec!["read".into(), "ask".into()],
            org: f.text("Acme Analytics"),
            resource: f.text("/mcp/crm"),
            since: ago(DAY * 3),
            used: (n == 0).then(|| ago(240)),
            ends: ago(-27 * DAY),
        };
        let token = |n: usize| TokenEntry {
            id: format!("p_{n}"),
            name: f.text("nightly report"),
            hint: f.text("airpat_Zk3v"),
            org: f.text("Acme Analytics"),
            since: ago(DAY),
            used: None,
            ends: ago(-29 * DAY),
        };
        let mut shell = self.room("Profile", Place::Profile, Role::Admin);
        if f == Flavor::Usual {
            shell.notice = Some(Notice::Done("The client is disconnected.".into()));
        }
        self.add(
            "profile",
            &ProfilePage {
                shell,
                name: f.text("Ada Lovelace"),
                email: f.text("ada@acme.example"),
                verified: f == Flavor::Usual,
                sessions: f.list(vec![session(0), session(1)], session),
                clients: f.list(vec![client(0), client(1)], client),
                tokens: f.list(vec![token(0)], token),
                may_make_tokens: true,
            },
        );
    }

    fn org(&mut self) {
        let f = self.flavor;
        let roles: Vec<RoleChoice> = Role::ALL.iter().copied().map(RoleChoice::of).collect();
        let member = |n: usize| MemberEntry {
            id: format!("u_{n}"),
            name: f.text(["Grace Hopper", "Ada Lovelace", "Edsger Dijkstra"][n % 3]),
            email: f.text("someone@acme.example"),
            role: roles[n % 6],
            disabled: n == 2,
            me: n == 1,
            since: ago(DAY * 40),
            manage: n != 0,
        };
        let invitation = |n: usize| InvitationEntry {
            id: format!("i_{n}"),
            email: f.text("barbara.liskov@acme.example"),
            role: roles[3],
            by: f.text("Ada Lovelace"),
            ends: ago(-6 * DAY),
        };
        let page = |shell, may: bool| OrgPage {
            shell,
            name: f.text("Acme Analytics"),
            slug: f.text("acme"),
            members: f.list((0..3).map(member).collect(), member),
            members_pager: Pager::default(),
            invitations_pager: pager("/org"),
            invitations: f.list(vec![invitation(0)], invitation),
            roles: roles[1..].to_vec(),
            may_change: may,
            may_invite: may,
            may_leave: true,
            may_delete: may,
        };
        self.add("org", &page(self.room("Organization", Place::Org, Role::Owner), true));
        self.add("org_member", &page(self.room("Organization", Place::Org, Role::Member), false));
        let client = |n: usize| ClientEntry {
            id: f.text(if n == 0 { "c_3v9QeXo5mJtR7u" } else { "https://claude.ai/oauth/client.json" }),
            name: f.text(if n == 0 { "Warehouse agent" } else { "Claude" }),
            kind: if n == 0 { "registered here" } else { "by its address" },
            redirects: vec![
                f.text("https://claude.ai/api/mcp/auth_callback"),
                f.text("http://localhost/callback"),
            ],
            confidential: n == 0,
            blocked: n == 1,
            since: ago(DAY),
            used: (n == 1).then(|| ago(900)),
            own: n == 0,
        };
        self.add(
            "clients",
            &ClientsPage {
                shell: self.room("AI clients", Place::Clients, Role::Admin),
                clients: f.list(vec![client(0), client(1)], client),
                pager: pager("/org/clients"),
                form: ClientForm {
                    name: f.text(""),
                    redirects: f.text("https://agent.acme.example/callback"),
                    confidential: false,
                },
                manage: true,
            },
        );
        let app = |n: usize| AppEntry {
            id: format!("ABC-{n:07}"),
            client_id: "k3v9QeXo5mJtR7uYw2bL".into(),
            name: f.text("Deploy bot"),
            description: f.text("Asks before it deploys."),
            kind: "Agent".into(),
            hint: (n == 0).then(|| "Zk3v".into()),
            origins: f.text("https://deploy.acme.example"),
            redirects: f.text("https://deploy.acme.example/back"),
            since: ago(DAY * 9),
            revoked: n == 1,
            manage: true,
        };
        self.add(
            "apps",
            &AppsPage {
                shell: self.room("Apps", Place::Apps, Role::Admin),
                apps: f.list(vec![app(0), app(1)], app),
                pager: pager("/org/apps"),
                form: AppForm {
                    name: f.text(""),
                    kind: "Web".into(),
                    description: f.text(""),
                    home_page: f.text(""),
                    origins: f.text(""),
                    redirects: f.text(""),
                },
                kinds: vec![
                    ("Agent", "Agent: a program that acts by itself"),
                    ("Web", "Web: a page in a browser"),
                ],
                may_register: true,
            },
        );
        let grants = || {
            let grant = |role: Role| GrantEntry {
                role: RoleChoice::of(role),
                set: role == Role::Admin,
                snapshots: f.text(if role == Role::Admin { "*" } else { "" }),
                reach: f.text(if role == Role::Admin {
                    "Every record that the worker exposes"
                } else {
                    "The schema only"
                }),
            };
            [Role::Owner, Role::Admin, Role::Member].map(grant).to_vec()
        };
        let tenant = |n: usize| TenantGrants {
            id: format!("t_{n}"),
            name: f.text("CRM"),
            endpoint: f.text("https://cp.acme.example/mcp/crm"),
            grants: grants(),
        };
        self.add(
            "grants",
            &GrantsPage {
                shell: self.room("Access to data", Place::Grants, Role::Admin),
                tenants: f.list(vec![tenant(0)], tenant),
                pager: pager("/org/grants"),
                manage: true,
            },
        );
    }
}

impl Maker {
    fn approvals(&mut self) {
        let module = |file: &str| Module { file: file.to_owned(), integrity: "sha256-0".to_owned() };
        for view in ApproverView::ALL {
            let page = ApproverPage {
                shell: self.room(view.title(), Place::Approvals, Role::Member),
                view,
                user: "usr_1".to_owned(),
                org: "org_1".to_owned(),
                modules: ["js/approver-crypto.js", "js/approver/page.js"].map(module).into(),
            };
            self.add(&format!("approvals_{}", view.word()), &page);
        }
        self.add("offline", &OfflinePage { shell: self.door("No connection") });
    }
}

// In the midst of a list.
fn pager(path: &str) -> Pager {
    Pager { of: "entries", first: Some(path.to_owned()), next: Some(format!("{path}?after=x%26y")) }
}

/// Every page with its name.
pub(super) fn all(flavor: Flavor) -> Vec<(String, String)> {
    let mut maker = Maker { flavor, pages: Vec::new() };
    maker.doors();
    maker.asked();
    maker.own();
    maker.org();
    maker.approvals();
    maker.pages
}
