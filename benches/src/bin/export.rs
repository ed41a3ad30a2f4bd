//! Exports: rows a second of a table of 16 columns with six of them masked, beside the same rows by raw binary COPY to nowhere.

use std::time::{Duration, Instant};

use airlock_benches::{
    ControlPlane, Database, Http, Result, Running, Series, Table, heading, note, rotated, whole,
};
use clap::Parser;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use tokio_postgres::Client;

/// Measures exports.
#[derive(Debug, Parser)]
struct Args {
    /// Rows of the table
    #[arg(long, env = "AIRLOCK_BENCH_ROWS", default_value_t = 1_000_000)]
    rows: u64,
    /// Rounds; each contestant once in each
    #[arg(long, env = "AIRLOCK_BENCH_ROUNDS", default_value_t = 5)]
    rounds: usize,
}

/// The events of one customer: 16 columns of the types that such tables have.
const COLUMNS: &str = "id, user_id, at, kind, email, full_name, phone, card, street, zip, born, note, cents, quantity, is_paid, ratio";
const SEED: &str = "
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO users VALUES (1, 'Ada');
CREATE TABLE events (
  id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, at timestamptz NOT NULL, kind text NOT NULL, email text,
  full_name text, phone text, card text, street text, zip text, born date, note text, cents bigint NOT NULL, quantity int NOT NULL,
  is_paid boolean NOT NULL, ratio double precision);
INSERT INTO events SELECT n, 1, timestamptz '2026-01-01' + n * interval '1 second', 'kind ' || n % 7, 'person' || n || '@example.net',
  'Person ' || n % 5000, '+49 30 ' || 100000 + n % 900000, lpad((n * 7919 % 10000000000000000)::text, 16, '4'), n % 300 || ' Mill Lane',
  lpad((n % 99999)::text, 5, '0'), date '1950-01-01' + (n % 20000)::int, 'paid by invoice no. ' || n, n % 100000, (n % 50)::int, n % 3 = 0, n / 7.0
  FROM generate_series(1::bigint, ROWS) n;
CREATE INDEX ON events (user_id);
";
/// Nothing is kept, so that every call exports.
const POLICY: &str = "
root_table: users
snapshot_ttl_s: 0
limits: {max_rows_per_table: 20000000, max_rows_total: 20000000, max_bytes_per_snapshot: 8GiB, max_total_bytes: 9GiB,
  export_timeout_ms: 300000, statement_timeout_ms: 300000, query_timeout_ms: 300000}
tables:
  - {name: users}
  - {name: events, parent: users, fk: user_id MASKS}
";
const MASKS: &str = ", mask_columns: {email: {kind: email, length: 16}, full_name: hash, phone: partial, street: redact, zip: {kind: truncate, length: 2}, born: {kind: date_trunc, unit: year}}";

/// What is measured, in the order of the table.
const NAMES: [&str; 3] =
    ["raw binary COPY to nowhere", "export, nothing masked", "export, 6 of 16 columns masked"];

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let database = Database::filled("export", &SEED.replace("ROWS", &args.rows.to_string())).await?;
    let mut stack = ControlPlane::start(&[])?;
    let url = database.reader_url();
    let clear = stack.worker("clear", &POLICY.replace(" MASKS", ""), &url)?;
    let masked = stack.worker("masked", &POLICY.replace(" MASKS", MASKS), &url)?;
    let (clear, masked) =
        (Exporter::new(&stack, "clear", &clear)?, Exporter::new(&stack, "masked", &masked)?);
    let (client, _driver) = database.connect().await?;

    let mut taken: [Series; 3] = Default::default();
    let mut bytes = 0;
    // The first round warms the database's memory and counts for nobody.
    for round in 0..=args.rounds {
        for contestant in rotated(round, NAMES.len()) {
            let seconds = match contestant {
                0 => {
                    let (seconds, read) = copy(&client).await?;
                    bytes = read;
                    seconds
                }
                1 => clear.export(args.rows).await?,
                _ => masked.export(args.rows).await?,
            };
            if round > 0 {
                taken[contestant].push(args.rows as f64 / seconds);
            }
        }
    }

    let about = format!(
        "{} rows of 16 columns, {:.0} MiB as Postgres sends them; {} rounds. An export is what the worker says that it took: read, \
         decode, mask, write to files without a name, count.",
        whole(args.rows as f64),
        bytes as f64 / 1024.0 / 1024.0,
        args.rounds
    );
    heading("Export", &about);
    let mut table = Table::new(&["", "rows/s", "of raw COPY"]);
    for (name, series) in NAMES.iter().zip(&taken) {
        table.row(&[name, &series.show(), &series.over(&taken[0]).show()]);
    }
    table.print();
    note(
        "Both exports and the raw COPY use one connection each. Postgres and the reader share the machine's cores.",
    );
    Ok(())
}

/// Reads the rows as fast as they come, and drops them: seconds, and bytes.
async fn copy(client: &Client) -> Result<(f64, usize)> {
    let begun = Instant::now();
    let sql = format!("COPY (SELECT {COLUMNS} FROM events WHERE user_id = 1) TO STDOUT (FORMAT BINARY)");
    let chunks = client.copy_out(&sql).await?;
    let bytes = chunks.try_fold(0, async |sum, chunk| Ok(sum + chunk.len())).await?;
    Ok((begun.elapsed().as_secs_f64(), bytes))
}

/// One worker, asked through the control plane.
struct Exporter {
    url: String,
    path: String,
    key: String,
    metrics: String,
}

impl Exporter {
    fn new(stack: &ControlPlane, slug: &str, worker: &Running) -> Result<Self> {
        let metrics = format!("http://{}", worker.metrics()?);
        Ok(Self {
            url: stack.url.clone(),
            path: format!("/mcp/{slug}"),
            key: stack.key(slug, "all")?,
            metrics,
        })
    }

    /// Seconds of one export, as the worker counts them.
    async fn export(&self, rows: u64) -> Result<f64> {
        let before = self.exported().await?;
        let arguments = json!({"snapshot_id": "1", "sql": "SELECT count(*) FROM events"});
        let params = json!({"name": "execute_sql", "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let bearer = format!("Bearer {}", self.key);
        let headers = [("authorization", bearer.as_str())];
        let mut http = Http::connect(&self.url).await?;
        let asked = tokio::time::timeout(LONG, http.post_json(&self.path, &headers, message.to_string()));
        let answer: Value = asked.await??.json()?;
        let counted = &answer["result"]["structuredContent"]["rows"][0][0];
        if *counted != json!(rows) {
            return Err(format!("{counted} of {rows} rows: {answer}").into());
        }
        let after = self.exported().await?;
        if after.1 != before.1 + 1.0 {
            return Err("not one export".into());
        }
        Ok(after.0 - before.0)
    }

    /// All exports so far: their seconds, and how many.
    async fn exported(&self) -> Result<(f64, f64)> {
        let mut http = Http::connect(&self.metrics).await?;
        let told = http.send(http::Method::GET, "/metrics", &[], "").await?;
        let told = String::from_utf8(told.body.to_vec())?;
        let number = |name: &str| -> Result<f64> {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            Ok(line.unwrap_or("0").trim().parse()?)
        };
        Ok((number("airlock_export_duration_seconds_sum")?, number("airlock_export_duration_seconds_count")?))
    }
}

const LONG: Duration = Duration::from_secs(300);
