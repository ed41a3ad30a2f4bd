//! `airlock yaml lint` against a real server.

use super::server::Database;
use crate::cli::{Place, check};

#[tokio::test]
async fn a_role_that_could_write_is_a_finding_beside_the_others() {
    let Some(db) = Database::new("CREATE TABLE users (id int8 PRIMARY KEY, email text)").await else {
        return;
    };
    let place = Place::new().await;
    std::fs::write(place.path().join("airlock.yaml"), "tables: [{name: users}]\n").unwrap();
    let url = db.url("127.0.0.1", db.port(), "?sslmode=disable");
    let lint = async |line: &str| place.run(line, &[("DATABASE_URL", &url)]).await;
    check(&lint("yaml lint").await, 0, "W101");
    for (what, says) in [
        (format!("GRANT INSERT ON users TO {}", db.name), "E301] source: the role can change public.users"),
        (format!("ALTER ROLE {} BYPASSRLS", db.name), "E301] source: the role has BYPASSRLS"),
        (format!("ALTER ROLE {} SUPERUSER", db.name), "E301] source: the role is a superuser"),
    ] {
        db.run(&what).await;
        let found = lint("yaml lint").await;
        check(&found, 2, says);
        check(&found, 2, "W101");
    }
    check(&lint("yaml lint --offline").await, 0, "");
    std::fs::write(
        place.path().join("airlock.yaml"),
        "tables: [{name: users}]\nsource: {require_replica: true}\n",
    )
    .unwrap();
    check(&lint("yaml lint").await, 6, "not a standby");
}
