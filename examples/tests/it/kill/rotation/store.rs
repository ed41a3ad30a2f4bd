//! What the store kept, as somebody with access to the database reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlock_core::Outcome;
use airlock_core::audit::Event;
use airlock_core::runtime::SystemHost;
use airlock_cp::{App, Config, Store};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use super::book::Told;

pub(super) struct Kept {
    at: At,
    pub(super) families: usize,
    pub(super) tokens: usize,
}

enum At {
    Sqlite(PathBuf),
    Postgres(String),
}

const ISSUED: &str = "SELECT event FROM audit WHERE action = 'oauth.token.issued'";
const REUSED: &str = "SELECT event FROM audit WHERE action = 'oauth.refresh.reuse'";
// A family's life: its end, how many of its refresh tokens were never used, how many there are at all.
const FAMILIES: &str = "SELECT f.client_id || ' ' || COALESCE(f.reason, 'lives') || ' ' || \
     CAST(SUM(CASE WHEN r.used_at IS NULL THEN 1 ELSE 0 END) AS TEXT) || ' ' || CAST(COUNT(*) AS TEXT) \
     FROM token_families f JOIN refresh_tokens r ON r.family_id = f.id GROUP BY f.id, f.client_id, f.reason";

impl Kept {
    pub(super) async fn sqlite(data_dir: &Path) -> Self {
        Self::at(At::Sqlite(data_dir.join("airlock-cp.sqlite"))).await
    }
    pub(super) async fn postgres(url: &str) -> Self {
        Self::at(At::Postgres(url.to_owned())).await
    }
    async fn at(at: At) -> Self {
        let mut kept = Self { at, families: 0, tokens: 0 };
        let lives = kept.read(FAMILIES).await;
        kept.families = lives.len();
        kept.tokens = lives.iter().map(|life| number(life.rsplit(' ').next())).sum();
        kept
    }

    /// What does not fit to what the clients were told.
    pub(super) async fn misfits(&self, told: &Told) -> Vec<String> {
        let mut found = Vec::new();
        let mut rows: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for text in self.read(ISSUED).await {
            let event: Event = serde_json::from_str(&text).unwrap();
            rows.entry(event.context.user_agent.clone().unwrap_or_default()).or_default().push(event);
        }
        for (name, client) in &told.answered {
            let fits = matches!(rows.get(name).map(Vec::as_slice), Some([row])
                if row.outcome == Outcome::Ok && row.target.resource.as_ref() == Some(client));
            if !fits {
                found.push(format!("{name} got tokens; its rows: {:?}", rows.get(name)));
            }
        }
        for (name, rows) in &rows {
            let once = rows.len() == 1 && (told.answered.contains_key(name) || told.lost.contains(name));
            if !once {
                found.push(format!("{name} has {} rows of tokens that it did not get", rows.len()));
            }
        }
        let mut betrayed = 0;
        for life in self.read(FAMILIES).await {
            let mut words = life.split(' ').skip(1);
            let (reason, unused) = (words.next().unwrap_or_default(), number(words.next()));
            betrayed += usize::from(reason == "reuse");
            // Of a family that lives one token is the last; who was robbed may have used it, or not.
            if unused > 1 || (reason == "lives" && unused != 1) || !["lives", "reuse"].contains(&reason) {
                found.push(format!("a family with {unused} unused refresh tokens: {life}"));
            }
        }
        let reused = self.read(REUSED).await.len();
        // A thief whose answer was lost asked again, and found the family ended already: then nobody wrote a second row.
        if betrayed < told.robbed || betrayed > told.robbed + told.late || reused > betrayed + told.lost.len()
        {
            found.push(format!("{} thefts, {betrayed} families ended by reuse, {reused} rows", told.robbed));
        }
        found
    }

    /// Every chain of the log holds.
    pub(super) async fn verifies(&self) {
        let store = match &self.at {
            At::Sqlite(file) => Store::sqlite(file).await,
            At::Postgres(url) => Store::postgres(url).await,
        };
        let config = Config::from_vars([]).unwrap();
        let app = App::new(config, store.unwrap(), Arc::new(SystemHost::new())).await.unwrap();
        let report = app.audit_log().verify(&"default".parse().unwrap()).await.unwrap();
        report.unwrap_or_else(|mismatch| panic!("the chain is broken: {mismatch:?}"));
        app.shut_down(std::time::Duration::from_secs(1)).await;
    }

    async fn read(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql);
        match &self.at {
            At::Sqlite(file) => {
                let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap()
            }
            At::Postgres(url) => {
                let pool = PgPool::connect(url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap()
            }
        }
    }
}

fn number(text: Option<&str>) -> usize {
    text.unwrap_or_default().parse().unwrap()
}
