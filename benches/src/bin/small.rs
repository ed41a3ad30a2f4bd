//! The small parts one by one: masks by kind, admission of a statement, a statement in a query child.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use airlock_benches::{Result, Series, Table, heading, note, program_path, rotated};
use airlock_core::Secret;
use airlock_core::egress::{Checked, TableShape, admit};
use airlock_core::id::{Generation, SubjectHandle};
use airlock_core::mask::{MaskKeys, MaskState, TableMasks};
use airlock_core::policy::limits::Limits;
use airlock_core::policy::{Policy, bind};
use airlock_core::principal::{Actor, ActorKind};
use airlock_core::query::{Format, Job, QUERY_STACK_BYTES, QueryRunner as _};
use airlock_core::runtime::SystemHost;
use airlock_core::snapshot::{Export, ExportPlan, MemorySource, Snapshot, Source as _};
use airlock_worker::cache::{Place, TmpfsData, TmpfsSnapshots};
use airlock_worker::isolate::{ChildCommand, ChildRunner, IsolateConfig};
use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use clap::Parser;

/// Measures parts.
#[derive(Debug, Parser)]
struct Args {
    /// Cells that each mask gets in a round
    #[arg(long, env = "AIRLOCK_BENCH_CELLS", default_value_t = 1_000_000)]
    cells: usize,
    /// Rounds
    #[arg(long, env = "AIRLOCK_BENCH_ROUNDS", default_value_t = 5)]
    rounds: usize,
    /// Times that a statement is admitted, or run, in a round
    #[arg(long, default_value_t = 300)]
    times: usize,
}

/// Kind, its mask as written, and the column that it is for.
const MASKS: [(&str, &str, &str); 10] = [
    ("clear (copied)", "{kind: clear, reason: bench}", "email"),
    ("redact", "redact", "email"),
    ("truncate", "truncate", "email"),
    ("partial", "partial", "card"),
    ("email", "email", "email"),
    ("hash of text", "hash", "name"),
    ("hash_int", "hash_int", "number"),
    ("date_trunc", "{kind: date_trunc, unit: month}", "born"),
    ("scrub of a sentence with a phone number", "scrub", "note"),
    ("hash of few values", "hash", "plan"),
];
/// Rows that come from a database at once.
const BATCH: usize = 4_096;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    heading("Parts", &format!("In one process, on one thread; {} rounds.", args.rounds));
    masks(&args).await?;
    admission(&args)?;
    child(&args).await
}

/// One subject with all the columns.
fn people(rows: usize) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(of)))
    };
    let numbers = (0..rows as i64).map(|n| n * 7_919);
    let days = (0..rows).map(|n| (n % 20_000) as i32);
    Ok(RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef),
        ("email", text(&|n| format!("person{n}@example.net"))),
        ("name", text(&|n| format!("Person {n}"))),
        ("card", text(&|n| format!("4111 1111 {:04} {:04}", n / 10_000 % 10_000, n % 10_000))),
        ("number", Arc::new(Int64Array::from_iter_values(numbers))),
        ("born", Arc::new(Date32Array::from_iter_values(days))),
        (
            "note",
            text(&|n| {
                format!(
                    "Customer {n} called from +49 30 {:06} about the invoice, and wants it sent again.",
                    n % 1_000_000
                )
            }),
        ),
        ("plan", text(&|n| format!("plan {}", n % 7))),
    ])?)
}

async fn masks(args: &Args) -> Result<()> {
    let batch = people(BATCH)?;
    let catalog = MemorySource::new().with_table("users", batch.clone(), &["id"]).catalog().await?;
    let keys = MaskKeys::new(Secret::new([7; 32]), "t_bench".parse()?);
    let mut bound = Vec::new();
    for (_, mask, column) in MASKS {
        let yaml = format!(
            "root_table: users\nroot_filter_col: id\ntables:\n  - {{name: users, columns: [{column}], mask_columns: {{{column}: {mask}}}}}\n"
        );
        let policy = Policy::parse(&yaml).map_err(|found| format!("{found:?}"))?;
        let plan = bind(&policy, &catalog).map_err(|found| format!("{found:?}"))?;
        let table = plan.tables.first().ok_or("no table")?;
        let masks = TableMasks::new(table, &keys)?;
        let raw = batch.project(&[batch.schema().index_of(column)?, 0])?;
        bound.push((masks, raw));
    }
    let mut series = vec![Series::default(); MASKS.len()];
    for round in 0..=args.rounds {
        for at in rotated(round, MASKS.len()) {
            let (masks, raw) = &bound[at];
            let (mut cells, mut spent) = (0, Duration::ZERO);
            while cells < args.cells {
                // A state of its own: what an export remembers is of that export.
                let mut state = MaskState::of(std::slice::from_ref(masks), &keys);
                let asked = Instant::now();
                let (masked, _) = masks.apply(raw, &mut state)?;
                spent += asked.elapsed();
                cells += masked.get().num_rows();
            }
            if round > 0 {
                series[at].push(spent.as_secs_f64() * 1e9 / cells as f64);
            }
        }
    }
    let mut table = Table::new(&["mask", "ns a cell"]);
    for ((name, ..), series) in MASKS.iter().zip(&series) {
        table.row(&[name, &series.show()]);
    }
    table.print();
    Ok(())
}

const STATEMENTS: [(&str, &str); 3] = [
    ("point", "SELECT {c}id, total FROM orders WHERE id = 7 AND user_id < {m}"),
    (
        "aggregate",
        "SELECT {c}status, count(*) AS n, sum(total) AS spent FROM orders WHERE id < {m} GROUP BY status ORDER BY status",
    ),
    (
        "join with a window",
        "WITH spent AS (SELECT u.id, o.status, sum(o.total) AS total FROM users u JOIN orders o ON o.user_id = u.id WHERE o.id < {m} \
         GROUP BY u.id, o.status) SELECT {c}id, status, total, rank() OVER (PARTITION BY id ORDER BY total DESC) AS place FROM spent \
         ORDER BY place LIMIT 20",
    ),
];

fn admission(args: &Args) -> Result<()> {
    let limits = Limits::default();
    let shape = |name: &str, columns: &[&str]| TableShape {
        name: name.to_owned(),
        columns: columns.iter().map(ToString::to_string).collect(),
    };
    let tables = [shape("users", &["id", "name"]), shape("orders", &["id", "user_id", "status", "total"])];
    let times = args.times;
    let rounds = args.rounds;
    // Admission needs the stack that a thread of the query runner has.
    let measured = std::thread::Builder::new().stack_size(QUERY_STACK_BYTES).spawn(move || {
        let mut series = vec![Series::default(); STATEMENTS.len()];
        for round in 0..=rounds {
            for at in rotated(round, STATEMENTS.len()) {
                let text = shaped(STATEMENTS[at].1, 0, 0);
                let begun = Instant::now();
                for _ in 0..times {
                    let checked = Checked::new(&text, &limits).map_err(|refused| format!("{refused:?}"))?;
                    admit(&checked, &tables, &limits).map_err(|refused| format!("{refused:?}"))?;
                }
                if round > 0 {
                    series[at].push(begun.elapsed().as_secs_f64() * 1e6 / times as f64);
                }
            }
        }
        Ok::<_, String>(series)
    })?;
    let series = measured.join().map_err(|_| "admission broke")??;
    let mut table = Table::new(&["admission of a text", "µs"]);
    for ((name, _), series) in STATEMENTS.iter().zip(&series) {
        table.row(&[name, &series.show()]);
    }
    table.print();
    Ok(())
}

/// What is new about a statement.
const NEWS: [&str; 4] =
    ["same text", "new values", "new shape", "new shape, a snapshot that no child has open"];

async fn child(args: &Args) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shop = Shop::new(&folder.path().join("data")).await?;
    let mut config = IsolateConfig::new(ChildCommand::program(program_path("airlock")?), 2 << 30);
    config.children = 1;
    let runner = ChildRunner::start(config).await?;
    let limits = shop.limits.clone();
    let asker = Actor { kind: ActorKind::Embedded, id: String::new(), name: None };
    let held = shop.snapshot(0).await?;
    let (mut number, mut generation) = (1_000_000, 1);
    let mut table = Table::new(&["µs of a statement in a query child", NEWS[0], NEWS[1], NEWS[2], NEWS[3]]);
    for (name, sql) in STATEMENTS {
        let mut series: [Series; 4] = Default::default();
        for round in 0..=args.rounds {
            for at in rotated(round, NEWS.len()) {
                let mut took = airlock_benches::Timings::default();
                let times = if at == 3 { args.times.div_ceil(10) } else { args.times };
                for _ in 0..times {
                    number += 1;
                    let text = shaped(sql, at, number);
                    let snapshot = if at == 3 {
                        generation += 1;
                        shop.snapshot(generation).await?
                    } else {
                        held.clone()
                    };
                    let sql = Checked::new(&text, &limits).map_err(|refused| format!("{refused:?}"))?;
                    let (format, limits) = (Format::Json, limits.clone());
                    let job = Job {
                        sql,
                        format,
                        max_rows: 100,
                        offset: 0,
                        limits,
                        timeout: Duration::from_secs(60),
                    };
                    let asked = Instant::now();
                    runner.run(&asker, job, snapshot).await?;
                    took.push(asked.elapsed());
                }
                if round > 0 {
                    series[at].push(took.ms(0.5) * 1e3);
                }
            }
        }
        let shown = series.each_ref().map(Series::show);
        table.row(&[&name, &shown[0], &shown[1], &shown[2], &shown[3]]);
    }
    table.print();
    note(
        "A snapshot of 501 rows in two tables; from asking the pool of children to having the rendered answer.",
    );
    Ok(())
}

/// The statement with what is new about it. `{m}` is above every id.
fn shaped(sql: &str, at: usize, number: u64) -> String {
    let same = |sql: &str| sql.replace("{m}", "1000000");
    match at {
        0 => same(sql),
        1 => sql.replace("{m}", &number.to_string()),
        // What is selected is no value: the plan holds for this text alone.
        _ => same(&sql.replacen("{c}", &format!("{number} AS c{number}, "), 1)),
    }
    .replace("{c}", "")
}

/// One customer with 500 orders, exported again and again.
struct Shop {
    source: MemorySource,
    plan: ExportPlan,
    keys: MaskKeys,
    limits: Arc<Limits>,
    store: TmpfsSnapshots,
    host: SystemHost,
}

impl Shop {
    async fn new(folder: &Path) -> Result<Self> {
        let orders = 500_i64;
        let users = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("name", Arc::new(StringArray::from(vec!["Ada"]))),
        ])?;
        let status = (0..orders).map(|n| ["open", "paid", "shipped", "returned"][n as usize % 4]);
        let orders = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from_iter_values(0..orders)) as ArrayRef),
            ("user_id", Arc::new(Int64Array::from_iter_values((0..orders).map(|_| 1)))),
            ("status", Arc::new(StringArray::from_iter_values(status))),
            ("total", Arc::new(Int64Array::from_iter_values((0..orders).map(|n| n * 50)))),
        ])?;
        let source =
            MemorySource::new().with_table("users", users, &["id"]).with_table("orders", orders, &["id"]);
        let yaml = "root_table: users\ntables:\n  - {name: users, mask_columns: {name: hash}}\n  - {name: orders, parent: users, fk: user_id}\n";
        let policy = Policy::parse(yaml).map_err(|found| format!("{found:?}"))?;
        let plan = bind(&policy, &source.catalog().await?).map_err(|found| format!("{found:?}"))?;
        let host = SystemHost::new();
        let store = TmpfsSnapshots::new(Place::open(folder, true)?, &host);
        let keys = MaskKeys::new(Secret::new([7; 32]), "t_bench".parse()?);
        Ok(Self { source, plan, keys, limits: Arc::new(Limits::default()), store, host })
    }

    async fn snapshot(&self, generation: u64) -> Result<Arc<Snapshot<TmpfsData>>> {
        let export = Export {
            plan: &self.plan,
            source: &self.source,
            keys: &self.keys,
            limits: &self.limits,
            ttl: Duration::from_secs(3_600),
            store: &self.store,
            host: &self.host,
        };
        let subject = "1".parse()?;
        let handle = SubjectHandle::derive(&[1; 32], "t_bench", &self.plan.policy_hash, &subject);
        Ok(Arc::new(export.run(&subject, handle, Generation(generation)).await?))
    }
}
