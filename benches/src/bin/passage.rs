//! Calls through the whole passage (an agent's HTTP, control plane, tunnel, worker, confined child), beside the same SQL
//! straight to Postgres: by psycopg one at a time, by tokio-postgres at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use airlock_benches::{
    Asker, ControlPlane, Database, Http, Load, Peer, Result, Running, Series, Table, Timings, Until, drive,
    heading, memory_mib, note, rotated, variable,
};
use clap::Parser;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Measures calls.
#[derive(Debug, Parser)]
struct Args {
    /// Customers in the database; each has 500 orders of four lines
    #[arg(long, env = "AIRLOCK_BENCH_CUSTOMERS", default_value_t = 200)]
    customers: u64,
    /// Rounds; each contestant once in each
    #[arg(long, env = "AIRLOCK_BENCH_ROUNDS", default_value_t = 5)]
    rounds: usize,
    /// Seconds that one contestant is measured in a round
    #[arg(long, env = "AIRLOCK_BENCH_SECONDS", default_value_t = 1.0)]
    seconds: f64,
    /// How many ask at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    in_flight: Vec<usize>,
}

const SEED: &str = "
CREATE TABLE users (id bigint PRIMARY KEY, external_id text UNIQUE NOT NULL, name text, email text, ssn text);
CREATE TABLE products (id bigint PRIMARY KEY, title text NOT NULL, price numeric(10,2) NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, status text NOT NULL, placed_at timestamptz NOT NULL, total numeric(10,2) NOT NULL);
CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, product_id bigint NOT NULL REFERENCES products, quantity int NOT NULL);
CREATE TABLE tickets (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, body text NOT NULL);
INSERT INTO users SELECT n, 'u_' || n, 'Person ' || n, 'person' || n || '@example.net', '536-90-' || 1000 + n FROM generate_series(1, CUSTOMERS) n;
INSERT INTO products SELECT n, 'Product ' || n, n * 1.25 FROM generate_series(1, 200) n;
INSERT INTO orders SELECT n, (n - 1) / 500 + 1, (ARRAY['open','paid','shipped','returned'])[n % 4 + 1], timestamptz '2026-01-01' + n * interval '1 minute', n % 1000 * 0.5 FROM generate_series(1, CUSTOMERS * 500) n;
INSERT INTO order_lines SELECT n, (n - 1) / 4 + 1, n % 200 + 1, n % 5 + 1 FROM generate_series(1, CUSTOMERS * 2000) n;
INSERT INTO tickets SELECT n, (n - 1) / 50 + 1, 'Ticket ' || n || ': call +49 30 901820 or write to person' || (n - 1) / 50 + 1 || '@example.net' FROM generate_series(1, CUSTOMERS * 50) n;
CREATE INDEX ON orders (user_id); CREATE INDEX ON order_lines (order_id); CREATE INDEX ON tickets (user_id);
";
const POLICY: &str = "
root_table: users
root_filter_col: external_id
snapshot_ttl_s: TTL
limits: {new_subjects_per_minute: 1000000}
tables:
  - {name: users, mask_columns: {email: email, ssn: null, name: hash}}
  - {name: orders, parent: users, fk: user_id}
  - {name: order_lines, parent: orders, fk: order_id}
  - {name: products, via: order_lines, via_fk: product_id}
  - {name: tickets, parent: users, fk: user_id, mask_columns: {body: scrub}}
";

/// The same text goes to both. `{u}` is a customer, `{n}` one of their orders, `{m}` another number each time and above every id:
/// so that no two texts are equal, and all give as many rows.
const STATEMENTS: [(&str, &str); 3] = [
    ("point", "SELECT id, status, total FROM orders WHERE id = {n} AND user_id < {m}"),
    (
        "aggregate",
        "SELECT status, count(*) AS n, sum(total) AS spent FROM orders WHERE user_id = {u} AND id < {m} GROUP BY status ORDER BY status",
    ),
    (
        "join of four",
        "SELECT p.title, sum(l.quantity) AS n FROM users u JOIN orders o ON o.user_id = u.id JOIN order_lines l ON l.order_id = o.id \
         JOIN products p ON p.id = l.product_id WHERE u.external_id = 'u_{u}' AND o.id < {m} GROUP BY p.title ORDER BY n DESC, p.title LIMIT 10",
    ),
];
/// Orders of one customer.
const ORDERS: u64 = 500;
const ABOVE: u64 = 1_000_000_000;
/// Customers that are asked about in turn, where it is another one each time.
const IN_TURN: u64 = 16;
/// No two questions of this run have the same number.
static ASKED: AtomicU64 = AtomicU64::new(0);

fn filled(sql: &str, asked: u64, customer: u64) -> String {
    let order = (customer - 1) * ORDERS + asked % ORDERS + 1;
    let sql = sql.replace("{u}", &customer.to_string()).replace("{n}", &order.to_string());
    sql.replace("{m}", &(ABOVE + asked).to_string())
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let time = Duration::from_secs_f64(args.seconds);
    let seed = SEED.replace("CUSTOMERS", &args.customers.to_string());
    let database = Database::filled("passage", &seed).await?;
    let mut stack = ControlPlane::start(&[])?;
    let url = database.reader_url();
    let warm = stack.worker("warm", &POLICY.replace("TTL", "86400"), &url)?;
    // Keeps nothing: each of its calls exports first.
    let cold = stack.worker("cold", &POLICY.replace("TTL", "0"), &url)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = [memory_mib(stack.pid()), memory_mib(warm.pid())];
    let keys = [stack.key("warm", "all")?, stack.key("cold", "all")?, stack.key("warm", "u_none")?];
    let python = PathBuf::from(variable("AIRLOCK_TEST_PYTHON_PSYCOPG")?);
    let psycopg = Peer::start(&python, "psycopg_calls.py", &[("DATABASE_URL", &url)])?;

    let about = format!(
        "A customer has 2,751 rows in 5 tables, of {} customers; {} rounds of {} s a contestant. The very same SQL text goes to both.",
        args.customers, args.rounds, args.seconds
    );
    heading("Calls through the whole passage", &about);
    let mut bench = Bench { stack, keys, psycopg, time, rounds: args.rounds, customers: args.customers };
    bench.latency().await?;
    bench.steps().await?;
    let peaks = bench.throughput(&args.in_flight, &database, &warm).await?;
    drop(cold);
    memory(&bench.stack, &warm, idle, peaks);
    Ok(())
}

struct Bench {
    stack: ControlPlane,
    keys: [String; 3],
    psycopg: Peer,
    time: Duration,
    rounds: usize,
    customers: u64,
}

/// What is measured one call at a time, in the order of the table's columns.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The same text again and again.
    Same,
    /// Another value each time: the plan of its shape is there.
    Values,
    /// Another of a few customers each time, whose snapshots are there.
    InTurn,
    /// A shape that was never seen.
    Shape,
    /// No snapshot either.
    Cold,
    /// Nothing but HTTP and the key.
    Ping,
    /// Out of the key's scope: refused by the control plane, with a row.
    Denied,
    /// What the policy shows, without a snapshot: no query child.
    Schema,
    /// psycopg, the same text again and again; prepared after five.
    Psycopg,
    /// psycopg, another value in the text each time.
    PsycopgValues,
    /// psycopg on a new connection each time.
    PsycopgConnect,
}

const WAYS: [(Way, &str); 8] = [
    (Way::Same, "same text"),
    (Way::Values, "new values"),
    (Way::InTurn, "another of 16 customers"),
    (Way::Shape, "new shape"),
    (Way::Cold, "cold: exported first"),
    (Way::Psycopg, "psycopg, same text"),
    (Way::PsycopgValues, "psycopg, new values"),
    (Way::PsycopgConnect, "psycopg, new connection"),
];

impl Bench {
    async fn latency(&mut self) -> Result<()> {
        let columns: Vec<&str> =
            ["median ms of one call"].into_iter().chain(WAYS.map(|(_, name)| name)).collect();
        let mut table = Table::new(&columns);
        let mut ratios =
            Table::new(&["times psycopg's", "same text", "new values", "cold over a new connection"]);
        for (name, sql) in STATEMENTS {
            let mut series: [Series; WAYS.len()] = Default::default();
            // The first round warms everything up and counts for nobody.
            for round in 0..=self.rounds {
                for at in rotated(round, WAYS.len()) {
                    let ms = self.median_ms(WAYS[at].0, sql).await?;
                    if round > 0 {
                        series[at].push(ms);
                    }
                }
            }
            let shown = series.each_ref().map(Series::show);
            let mut cells: Vec<&dyn std::fmt::Display> = vec![&name];
            cells.extend(shown.iter().map(|cell| cell as &dyn std::fmt::Display));
            table.row(&cells);
            let over = |a: usize, b: usize| series[a].over(&series[b]).show();
            ratios.row(&[&name, &over(0, 5), &over(1, 6), &over(4, 7)]);
        }
        table.print();
        ratios.print();
        Ok(())
    }

    /// What of a warm call is spent before the query child.
    async fn steps(&mut self) -> Result<()> {
        let sql = STATEMENTS[0].1;
        let steps = [
            (Way::Ping, "`ping`: HTTP, the key"),
            (Way::Denied, "a call out of the key's scope: and a durable audit row"),
            (Way::Schema, "`get_schema`: and the tunnel, the worker"),
            (Way::Same, "`execute_sql`, the same point query: and a query child"),
        ];
        let mut series = steps.map(|_| Series::default());
        for round in 0..=self.rounds {
            for at in rotated(round, steps.len()) {
                let ms = self.median_ms(steps[at].0, sql).await?;
                if round > 0 {
                    series[at].push(ms);
                }
            }
        }
        let mut table = Table::new(&["one warm call at a time", "median ms"]);
        for ((_, name), series) in steps.iter().zip(&series) {
            table.row(&[name, &series.show()]);
        }
        table.print();
        Ok(())
    }

    async fn median_ms(&mut self, way: Way, sql: &str) -> Result<f64> {
        let mode = match way {
            Way::Psycopg | Way::PsycopgValues => "warm",
            Way::PsycopgConnect => "connect",
            _ => {
                let agent = Agent::new(self, way, sql).await?;
                let (_, mut load) = drive(vec![agent], Until::Over(self.time)).await?;
                return Ok(load.timings.ms(0.5));
            }
        };
        let first = ASKED.fetch_add(1_000_000, Ordering::Relaxed);
        let sql = match way {
            Way::PsycopgValues => sql.replace("{u}", "1"),
            _ => filled(sql, 0, 1),
        };
        let seconds = self.time.as_secs_f64();
        let order = json!({"mode": mode, "sql": sql, "seconds": seconds, "first": first, "orders": ORDERS, "above": ABOVE});
        let told = self.psycopg.ask(&order).await?;
        let mut timings = Timings::default();
        for took in told["took"].as_array().ok_or("psycopg told no times")? {
            timings.push(Duration::from_secs_f64(took.as_f64().unwrap_or_default()));
        }
        Ok(timings.ms(0.5))
    }

    /// Calls a second at each number in flight; the most memory that was taken meanwhile.
    async fn throughput(
        &mut self,
        in_flight: &[usize],
        database: &Database,
        worker: &Running,
    ) -> Result<[f64; 2]> {
        let mut table = Table::new(&[
            "warm calls/s",
            "in flight",
            "passage",
            "p99 ms",
            "tokio-postgres, prepared",
            "passage over it",
        ]);
        let mut peaks = [0.0_f64; 2];
        for (name, sql) in STATEMENTS {
            for &many in in_flight {
                let (mut ours, mut p99, mut direct) =
                    (Series::default(), Series::default(), Series::default());
                for round in 0..self.rounds {
                    for contestant in rotated(round, 2) {
                        if contestant == 0 {
                            let (mut load, peak) = self.passage(many, sql, worker).await?;
                            ours.push(load.per_second());
                            p99.push(load.timings.ms(0.99));
                            peaks = [0, 1].map(|i| peaks[i].max(peak[i]));
                        } else {
                            direct.push(straight(database, many, sql, self.time).await?.per_second());
                        }
                    }
                }
                table.row(&[
                    &name,
                    &many,
                    &ours.show(),
                    &p99.show(),
                    &direct.show(),
                    &ours.over(&direct).show(),
                ]);
            }
        }
        table.print();
        Ok(peaks)
    }

    async fn passage(&self, many: usize, sql: &str, worker: &Running) -> Result<(Load, [f64; 2])> {
        let mut agents = Vec::new();
        for _ in 0..many {
            agents.push(Agent::new(self, Way::Values, sql).await?);
        }
        let (cp, worker) = (self.stack.pid(), worker.pid());
        let half = self.time / 2;
        // Looked at once, in the middle: reading it takes the programs' locks for a moment.
        let looked = tokio::task::spawn_blocking(move || {
            std::thread::sleep(half);
            [memory_mib(cp), memory_mib(worker)]
        });
        let (_, load) = drive(agents, Until::Over(self.time)).await?;
        Ok((load, looked.await?))
    }
}

fn memory(stack: &ControlPlane, worker: &Running, idle: [f64; 2], peaks: [f64; 2]) {
    let mut table = Table::new(&["MiB", "idle", "loaded, at most", "after"]);
    let names = ["control plane", "worker with its query children"];
    for (at, pid) in [stack.pid(), worker.pid()].into_iter().enumerate() {
        let shown = [idle[at], peaks[at], memory_mib(pid)].map(|mib| format!("{mib:.0}"));
        table.row(&[&names[at], &shown[0], &shown[1], &shown[2]]);
    }
    table.print();
    note(
        "Proportional set size, children included. Snapshots lie in memory files: what of them is mapped counts.",
    );
}

/// An agent that calls one tool over a connection of its own.
struct Agent {
    http: Http,
    path: &'static str,
    bearer: String,
    way: Way,
    sql: String,
    in_turn: u64,
}

impl Agent {
    async fn new(bench: &Bench, way: Way, sql: &str) -> Result<Self> {
        let Bench { stack, keys, customers, .. } = bench;
        let (path, key) = match way {
            Way::Cold => ("/mcp/cold", &keys[1]),
            Way::Denied => ("/mcp/warm", &keys[2]),
            _ => ("/mcp/warm", &keys[0]),
        };
        let (http, in_turn) = (Http::connect(&stack.url).await?, IN_TURN.min(*customers));
        Ok(Self { http, path, bearer: format!("Bearer {key}"), way, sql: sql.to_owned(), in_turn })
    }

    /// Whom it asks about, and what.
    fn question(&self) -> (u64, String) {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        match self.way {
            Way::Values => (1, filled(&self.sql, asked, 1)),
            Way::InTurn => {
                let customer = asked % self.in_turn + 1;
                (customer, filled(&self.sql, asked, customer))
            }
            // What is selected is no value: the plan holds for this text alone.
            Way::Shape => {
                (1, filled(&self.sql, 0, 1).replacen("SELECT ", &format!("SELECT {asked} AS c{asked}, "), 1))
            }
            _ => (1, filled(&self.sql, 0, 1)),
        }
    }
}

impl Asker for Agent {
    async fn ask(&mut self) -> Result<()> {
        let (customer, sql) = self.question();
        let (method, tool, arguments) = match self.way {
            Way::Ping => ("ping", "", json!({})),
            Way::Schema => ("tools/call", "get_schema", json!({})),
            _ => ("tools/call", "execute_sql", json!({"snapshot_id": format!("u_{customer}"), "sql": sql})),
        };
        let params = json!({"name": tool, "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let headers = [("authorization", self.bearer.as_str())];
        let answer = self.http.post_json(self.path, &headers, message.to_string()).await?;
        // Read as an agent reads it.
        let told: Value = answer.json()?;
        let is_answered = match self.way {
            Way::Ping => told["result"].is_object(),
            Way::Denied => told["error"]["data"]["error_class"] == "scope_denied",
            Way::Schema => told["result"]["isError"] != true && told["result"]["content"][0].is_object(),
            _ => !told["result"]["structuredContent"]["rows"][0].is_null(),
        };
        if is_answered { Ok(()) } else { Err(format!("no answer: {told}").into()) }
    }
}

/// The same SQL on as many connections, prepared once each.
async fn straight(database: &Database, many: usize, sql: &str, time: Duration) -> Result<Load> {
    let mut askers = Vec::new();
    for _ in 0..many {
        let (client, driver) = database.connect().await?;
        let uses_order = sql.contains("{n}");
        let sql = sql.replace("{u}", "1");
        let sql = match uses_order {
            true => sql.replace("{n}", "$1::bigint").replace("{m}", "$2::bigint"),
            false => sql.replace("{m}", "$1::bigint"),
        };
        let statement = client.prepare(&sql).await?;
        askers.push(Straight { client, _driver: driver, statement, uses_order });
    }
    Ok(drive(askers, Until::Over(time)).await?.1)
}

struct Straight {
    client: tokio_postgres::Client,
    _driver: JoinSet<()>,
    statement: tokio_postgres::Statement,
    uses_order: bool,
}

impl Asker for Straight {
    async fn ask(&mut self) -> Result<()> {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        let (n, m) = ((asked % ORDERS + 1) as i64, (ABOVE + asked) as i64);
        let rows = match self.uses_order {
            true => self.client.query(&self.statement, &[&n, &m]).await?,
            false => self.client.query(&self.statement, &[&m]).await?,
        };
        if rows.is_empty() { Err("no rows".into()) } else { Ok(()) }
    }
}
