-- Orgs, tenants, workers, keys, and what every room needs. `{bytes}` is the dialect's type for bytes. Times are milliseconds.

CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);

-- What was taken back, in order; each process reads it and drops what it names from its caches.
CREATE TABLE revocations (
  seq BIGINT PRIMARY KEY,
  ts BIGINT NOT NULL,
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('revocations', 0);

CREATE TABLE orgs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  -- End of the org's audit chain.
  audit_seq BIGINT NOT NULL,
  audit_head TEXT NOT NULL
);

-- A deleted tenant keeps its row, so that its id, under which audit rows stand, is never given to another.
CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);

CREATE UNIQUE INDEX tenants_slug ON tenants (slug) WHERE status <> 'deleted';

CREATE TABLE workers (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  id TEXT NOT NULL,
  public_key {bytes} NOT NULL,
  hostname TEXT NOT NULL,
  version TEXT NOT NULL,
  enrolled_at BIGINT NOT NULL,
  revoked_at BIGINT,
  session_id TEXT,
  connected_at BIGINT,
  last_seen_at BIGINT,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE enrollment_tokens (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  worker_id TEXT NOT NULL,
  hash {bytes} NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  used_key {bytes},
  revoked_at BIGINT
);

CREATE INDEX enrollment_tokens_tenant ON enrollment_tokens (tenant_id, created_at);

CREATE TABLE api_keys (
  kid TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  phc TEXT NOT NULL,
  -- JSON lists; NULL reaches everything the worker exposes.
  snapshots TEXT,
  tools TEXT,
  max_rows BIGINT,
  -- Calls a minute; NULL is the default, 0 is without limit.
  rate_limit BIGINT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  -- Set by rotation: from then on the key is refused.
  retires_at BIGINT,
  successor TEXT,
  revoked_at BIGINT,
  last_used_at BIGINT,
  version BIGINT NOT NULL
);

CREATE INDEX api_keys_tenant ON api_keys (tenant_id, created_at);

-- Answers of POST requests by Idempotency-Key, for a day; secrets shown once are not among them.
CREATE TABLE idempotency (
  actor TEXT NOT NULL,
  route TEXT NOT NULL,
  key_hash {bytes} NOT NULL,
  body_hash {bytes} NOT NULL,
  created_at BIGINT NOT NULL,
  status BIGINT,
  answer TEXT,
  PRIMARY KEY (actor, route, key_hash)
);
