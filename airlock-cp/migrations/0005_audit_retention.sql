-- What was taken out of each org's chain when its time was over: records 1 to `to_seq`, signed.

CREATE TABLE audit_tombstones (
  org_id TEXT PRIMARY KEY REFERENCES orgs (id),
  to_seq BIGINT NOT NULL,
  last_hash TEXT NOT NULL,
  ts BIGINT NOT NULL,
  signature TEXT NOT NULL
);
