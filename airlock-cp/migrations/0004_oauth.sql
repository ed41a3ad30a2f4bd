-- The authorization server. Codes and tokens are kept as SHA-256 only.

-- `kind` is preregistered, cimd (its id is the address of its metadata), dcr, or app. `hash` is of a confidential
-- client's secret. `metadata` is what the client said of itself, validated: JSON.
CREATE TABLE oauth_clients (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  org_id TEXT REFERENCES orgs (id),
  name TEXT NOT NULL,
  metadata TEXT NOT NULL,
  hash {bytes},
  hash_ends_at BIGINT,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_used_at BIGINT,
  -- Of a metadata document: when it was read, and until when it need not be read again.
  fetched_at BIGINT,
  fresh_until BIGINT,
  version BIGINT NOT NULL
);

CREATE INDEX oauth_clients_unused ON oauth_clients (kind, last_used_at, created_at);
CREATE INDEX oauth_clients_org ON oauth_clients (org_id, created_at);

-- Programs that show their client id on each request to the approvals gateway: `ABC-1234567`.
CREATE TABLE apps (
  id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL UNIQUE REFERENCES oauth_clients (id),
  org_id TEXT NOT NULL REFERENCES orgs (id),
  owner_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  home_page TEXT,
  is_open_source BOOLEAN NOT NULL,
  -- JSON list of web origins.
  origins TEXT NOT NULL,
  -- The first characters of the secret; NULL for public kinds.
  hint TEXT,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);

CREATE UNIQUE INDEX apps_name ON apps (org_id, name) WHERE status <> 'revoked';

CREATE TABLE consents (
  user_id TEXT NOT NULL REFERENCES users (id),
  org_id TEXT NOT NULL REFERENCES orgs (id),
  client_id TEXT NOT NULL,
  resource TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  scopes TEXT NOT NULL,
  granted_at BIGINT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (user_id, org_id, client_id, resource, redirect_uri)
);

CREATE TABLE auth_codes (
  hash {bytes} PRIMARY KEY,
  client_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  org_id TEXT NOT NULL REFERENCES orgs (id),
  redirect_uri TEXT NOT NULL,
  -- Whether the request named it: then the exchange must as well.
  redirect_given BOOLEAN NOT NULL,
  resource TEXT NOT NULL,
  scopes TEXT NOT NULL,
  challenge TEXT NOT NULL,
  nonce TEXT,
  auth_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  family_id TEXT
);

-- All tokens that came of one consent: revoked together, and ended together 30 days after sign-in.
CREATE TABLE token_families (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  org_id TEXT NOT NULL REFERENCES orgs (id),
  client_id TEXT NOT NULL,
  resource TEXT NOT NULL,
  scopes TEXT NOT NULL,
  auth_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  ends_at BIGINT NOT NULL,
  revoked_at BIGINT,
  reason TEXT
);

CREATE INDEX token_families_user ON token_families (user_id, created_at);
CREATE INDEX token_families_client ON token_families (client_id);

CREATE TABLE refresh_tokens (
  hash {bytes} PRIMARY KEY,
  family_id TEXT NOT NULL REFERENCES token_families (id),
  issued_at BIGINT NOT NULL,
  used_at BIGINT,
  -- From where, and what was asked: who lost the answer asks the same again within the grace.
  used_from TEXT,
  used_scopes TEXT,
  used_resource TEXT
);

CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);

CREATE TABLE access_tokens (
  hash {bytes} PRIMARY KEY,
  family_id TEXT NOT NULL REFERENCES token_families (id),
  resource TEXT NOT NULL,
  scopes TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);

CREATE INDEX access_tokens_family ON access_tokens (family_id);
CREATE INDEX access_tokens_end ON access_tokens (expires_at);

-- RFC 8628. `state` is pending, approved, denied or used.
CREATE TABLE device_codes (
  hash {bytes} PRIMARY KEY,
  user_code_hash {bytes} NOT NULL UNIQUE,
  client_id TEXT NOT NULL,
  scopes TEXT NOT NULL,
  resource TEXT,
  state TEXT NOT NULL,
  interval_s BIGINT NOT NULL,
  polled_at BIGINT,
  ip TEXT,
  user_id TEXT,
  org_id TEXT,
  auth_at BIGINT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

-- Assertions of clients, seen once: `hash` is of the client's id and the assertion's.
CREATE TABLE client_assertions (
  hash {bytes} PRIMARY KEY,
  expires_at BIGINT NOT NULL
);

CREATE INDEX client_assertions_end ON client_assertions (expires_at);
CREATE INDEX auth_codes_end ON auth_codes (expires_at);
CREATE INDEX device_codes_end ON device_codes (expires_at);
