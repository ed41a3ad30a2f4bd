-- The audit log: intents of calls under way, one hash chain per org, signed checkpoints.

-- Processes that write intents; one whose lease ran out is dead, and its intents are closed as `unknown`.
CREATE TABLE processes (
  id TEXT PRIMARY KEY,
  lease_until BIGINT NOT NULL
);

CREATE TABLE audit_open (
  id TEXT PRIMARY KEY,
  process_id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  ts BIGINT NOT NULL,
  event TEXT NOT NULL
);

CREATE INDEX audit_open_process ON audit_open (process_id);

-- `event` is what was hashed; the columns before it repeat parts of it, for filters.
CREATE TABLE audit (
  org_id TEXT NOT NULL REFERENCES orgs (id),
  seq BIGINT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  ts BIGINT NOT NULL,
  tenant_id TEXT,
  trace_id TEXT,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error_class TEXT,
  tool TEXT,
  kid TEXT,
  worker_id TEXT,
  snapshot_id TEXT,
  event TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (org_id, seq)
);

CREATE INDEX audit_tenant ON audit (org_id, tenant_id, seq);
CREATE INDEX audit_trace ON audit (org_id, tenant_id, trace_id, seq);
CREATE INDEX audit_time ON audit (org_id, tenant_id, ts);

CREATE TABLE audit_checkpoints (
  org_id TEXT NOT NULL REFERENCES orgs (id),
  seq BIGINT NOT NULL,
  root TEXT NOT NULL,
  ts BIGINT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (org_id, seq)
);
