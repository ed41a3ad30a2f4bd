//! Tokens: rotations of refresh tokens and checks of access tokens, beside npm `oidc-provider` over an equally durable store; and
//! sign-ins with a password, beside the hash alone that each of them needs.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use airlock_benches::{
    Asker, BACK, ControlPlane, Http, Load, Peer, Person, Result, Series, Table, Until, drive, heading, note,
    rotated, variable,
};
use argon2::{Algorithm, Argon2, Params, Version};
use clap::Parser;
use serde_json::{Value, json};

/// Measures tokens and sign-ins.
#[derive(Debug, Parser)]
struct Args {
    /// Families of tokens on either side
    #[arg(long, env = "AIRLOCK_BENCH_FAMILIES", default_value_t = 500)]
    families: usize,
    /// Rounds; each contestant once in each
    #[arg(long, env = "AIRLOCK_BENCH_ROUNDS", default_value_t = 5)]
    rounds: usize,
    /// Seconds that one contestant is measured in a round
    #[arg(long, env = "AIRLOCK_BENCH_SECONDS", default_value_t = 1.0)]
    seconds: f64,
    /// How many ask at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16])]
    in_flight: Vec<usize>,
    /// People who sign in
    #[arg(long, default_value_t = 16)]
    people: usize,
}

/// What one family may ask of `/mcp` without a pause, less what the first checks take.
const CALLS_AT_ONCE: usize = 500;
const PASSWORD: &str = "correct horse battery staple";
const CLIENT: &str = "bench";

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let time = Duration::from_secs_f64(args.seconds);
    let stack = ControlPlane::start(&[])?;
    stack.cli(&["tenant", "create", "acme"])?;
    stack.cli(&["client", "create", "--name", "Bench", "--id", CLIENT, "--redirect-uri", BACK])?;
    let emails: Vec<String> = (0..args.people).map(|n| format!("person{n}@acme.example")).collect();
    for email in &emails {
        stack.owner(email, PASSWORD)?;
    }
    let mut ours = Side { url: stack.url.clone(), families: VecDeque::new(), kind: Kind::Airlock };
    let first = emails.first().ok_or("nobody signs in")?;
    let mut person = Person::sign_in(&stack.url, first, PASSWORD).await?;
    for _ in 0..args.families {
        let (access, refresh) = person.allow(CLIENT, "acme").await?;
        ours.families.push_back(Family { access, refresh });
    }
    let (_peer, theirs) = oidc_provider(&stack, args.families).await?;

    let about = format!(
        "{} families of tokens on either side; {} rounds of {} s a contestant.",
        args.families, args.rounds, args.seconds
    );
    heading("Tokens", &about);
    let mut sides = [ours, theirs];
    let checks = CALLS_AT_ONCE / (args.rounds * args.in_flight.len()).max(1);
    let mut table = Table::new(&["a second", "in flight", "airlock-cp", "oidc-provider", "times"]);
    for what in [What::Rotate, What::FirstCheck, What::Check] {
        for &many in &args.in_flight {
            let mut series: [Series; 2] = Default::default();
            for round in 0..args.rounds {
                for at in rotated(round, sides.len()) {
                    series[at].push(sides[at].measure(what, many, time, checks).await?);
                }
            }
            let [ours, theirs] = &series;
            table.row(&[&what.name(), &many, &ours.show(), &theirs.show(), &ours.over(theirs).show()]);
        }
    }
    table.print();
    sign_ins(&stack, &emails, &args, time).await
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// A refresh token becomes new tokens.
    Rotate,
    /// An access token that was never shown is checked.
    FirstCheck,
    /// One that was shown before.
    Check,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Rotate => "rotations of refresh tokens",
            Self::FirstCheck => "first checks of access tokens",
            Self::Check => "later checks of the same",
        }
    }
}

#[derive(Debug, Default)]
struct Family {
    access: String,
    refresh: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Airlock,
    OidcProvider,
}

/// A server, and the families that it issued.
struct Side {
    url: String,
    families: VecDeque<Family>,
    kind: Kind,
}

impl Side {
    /// How many a second; no token is checked oftener than `checks` times again.
    async fn measure(&mut self, what: What, many: usize, time: Duration, checks: usize) -> Result<f64> {
        let share = self.families.len() / many;
        let until = match what {
            What::Rotate => Until::Over(time),
            What::Check => Until::Either(time, share * checks),
            // Each family's token is new, and is shown once.
            What::FirstCheck => {
                self.load(What::Rotate, many, Until::Asked(share)).await?;
                Until::Asked(share)
            }
        };
        Ok(self.load(what, many, until).await?.per_second())
    }

    /// So many ask, each with its share of the families in turn.
    async fn load(&mut self, what: What, many: usize, until: Until) -> Result<Load> {
        let share = self.families.len() / many;
        let mut clients = Vec::new();
        for _ in 0..many {
            let families = self.families.drain(..share).collect();
            clients.push(Client { http: Http::connect(&self.url).await?, kind: self.kind, what, families });
        }
        let (clients, load) = drive(clients, until).await?;
        self.families.extend(clients.into_iter().flat_map(|client| client.families));
        Ok(load)
    }
}

/// A client of several families, which takes them in turn.
struct Client {
    http: Http,
    kind: Kind,
    what: What,
    families: VecDeque<Family>,
}

impl Asker for Client {
    async fn ask(&mut self) -> Result<()> {
        let mut family = self.families.pop_front().ok_or("no family")?;
        match self.what {
            What::Rotate => self.rotate(&mut family).await?,
            What::FirstCheck | What::Check => self.check(&family).await?,
        }
        self.families.push_back(family);
        Ok(())
    }
}

impl Client {
    async fn rotate(&mut self, family: &mut Family) -> Result<()> {
        let client = if self.kind == Kind::Airlock { CLIENT } else { "app" };
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", client),
            ("refresh_token", family.refresh.as_str()),
        ];
        let told: Value = self.http.post_form("/token", &[], &fields).await?.json()?;
        let text = |name: &str| told[name].as_str().map(str::to_owned).ok_or_else(|| format!("no {name}"));
        let next = Family { access: text("access_token")?, refresh: text("refresh_token")? };
        if next.refresh == family.refresh {
            return Err("the refresh token did not rotate".into());
        }
        *family = next;
        Ok(())
    }

    async fn check(&mut self, family: &Family) -> Result<()> {
        match self.kind {
            Kind::Airlock => {
                let bearer = format!("Bearer {}", family.access);
                let headers = [("authorization", bearer.as_str())];
                let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
                let told: Value = self.http.post_json("/mcp/acme", &headers, ping).await?.json()?;
                if told["result"].is_object() { Ok(()) } else { Err(format!("no answer: {told}").into()) }
            }
            Kind::OidcProvider => {
                let fields = [
                    ("client_id", "rs"),
                    ("client_secret", "rs-secret-rs-secret-rs-secret-rs"),
                    ("token", family.access.as_str()),
                ];
                let told: Value = self.http.post_form("/token/introspection", &[], &fields).await?.json()?;
                if told["active"] == true { Ok(()) } else { Err(format!("not active: {told}").into()) }
            }
        }
    }
}

async fn oidc_provider(stack: &ControlPlane, families: usize) -> Result<(Peer, Side)> {
    let modules = PathBuf::from(variable("AIRLOCK_TEST_OIDC")?).join("node_modules");
    // Beside our own store: the same file system.
    let store = stack.folder().join("oidc.sqlite");
    let (store, folder) = (store.to_string_lossy(), modules.to_string_lossy());
    let environment =
        [("STORE", &*store), ("MODULES", &*folder), ("NODE_ENV", "production"), ("NODE_NO_WARNINGS", "1")];
    let mut peer = Peer::start(&modules.join(".bin/node"), "oidc_server.mjs", &environment)?;
    let told = peer.ask(&json!({"families": families})).await?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("the peer told no tokens");
    let mut side = Side { url: text(&told["url"])?, families: VecDeque::new(), kind: Kind::OidcProvider };
    for family in told["families"].as_array().into_iter().flatten() {
        side.families
            .push_back(Family { access: text(&family["access"])?, refresh: text(&family["refresh"])? });
    }
    Ok((peer, side))
}

async fn sign_ins(stack: &ControlPlane, emails: &[String], args: &Args, time: Duration) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut table = Table::new(&[
        "password sign-ins a second",
        "in flight",
        "airlock-cp",
        "the hash alone, a thread each",
        "times",
    ]);
    for (name, many) in [("1 at once", 1), ("one for each core", cores)] {
        let (mut ours, mut alone) = (Series::default(), Series::default());
        for round in 0..args.rounds {
            for contestant in rotated(round, 2) {
                if contestant == 0 {
                    let mut people = Vec::new();
                    for email in emails.iter().cycle().take(many) {
                        people.push(SignsIn { http: Http::connect(&stack.url).await?, email: email.clone() });
                    }
                    ours.push(drive(people, Until::Over(time)).await?.1.per_second());
                } else {
                    alone.push(tokio::task::spawn_blocking(move || hashes(many, time)).await??);
                }
            }
        }
        table.row(&[&name, &many, &ours.show(), &alone.show(), &ours.over(&alone).show()]);
    }
    table.print();
    note("The hash is Argon2id with 64 MiB and three passes, chosen to be slow.");
    Ok(())
}

struct SignsIn {
    http: Http,
    email: String,
}

impl Asker for SignsIn {
    async fn ask(&mut self) -> Result<()> {
        let body = json!({"email": self.email, "password": PASSWORD}).to_string();
        self.http.post_json("/api/v1/auth/login", &[], body).await?.good().map(|_| ())
    }
}

/// Hashes a second, with what a password costs at the control plane.
fn hashes(threads: usize, time: Duration) -> Result<f64> {
    let begun = Instant::now();
    let one = move || {
        let params = Params::new(65_536, 3, 1, None).map_err(|error| error.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (mut count, mut out) = (0_u32, [0; 32]);
        while begun.elapsed() < time {
            let hashed = argon2.hash_password_into(PASSWORD.as_bytes(), b"sixteen bytes of", &mut out);
            hashed.map_err(|error| error.to_string())?;
            count += 1;
        }
        Ok::<_, String>(count)
    };
    let running: Vec<_> = (0..threads).map(|_| std::thread::spawn(one)).collect();
    let mut all = 0.0;
    for thread in running {
        all += f64::from(thread.join().map_err(|_| "a thread that hashes broke")??);
    }
    Ok(all / begun.elapsed().as_secs_f64())
}
