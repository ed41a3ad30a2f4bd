-- People, their orgs, their browsers' sessions, personal access tokens. What we give out is kept as SHA-256 only.

ALTER TABLE orgs ADD COLUMN slug TEXT NOT NULL DEFAULT '';
ALTER TABLE orgs ADD COLUMN status TEXT NOT NULL DEFAULT 'active';
ALTER TABLE orgs ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orgs ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
UPDATE orgs SET slug = id;
CREATE UNIQUE INDEX orgs_slug ON orgs (slug) WHERE status <> 'deleted';

-- `email` as its owner writes it, `email_key` as it is compared. A deleted person keeps the row, without name and address.
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  email_verified_at BIGINT,
  name TEXT NOT NULL,
  phc TEXT,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_login_at BIGINT,
  version BIGINT NOT NULL
);

CREATE UNIQUE INDEX users_email ON users (email_key) WHERE status <> 'deleted';

CREATE TABLE memberships (
  org_id TEXT NOT NULL REFERENCES orgs (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL,
  joined_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, user_id)
);

CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  role TEXT NOT NULL,
  hash {bytes} NOT NULL UNIQUE,
  invited_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  used_by TEXT,
  revoked_at BIGINT
);

CREATE INDEX invitations_org ON invitations (org_id, created_at);

-- What a mail's link proves: `purpose` is verify, reset or change. `phc` is of the password that was given with a
-- sign-up: it counts once the link shows that who gave it also reads the mail.
CREATE TABLE mail_tokens (
  hash {bytes} PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  purpose TEXT NOT NULL,
  email TEXT NOT NULL,
  phc TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);

CREATE INDEX mail_tokens_user ON mail_tokens (user_id);

-- Browsers that are signed in. `user_id` is NULL for the operator token; `proof` then ties the session to that token.
CREATE TABLE logins (
  hash {bytes} PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user_id TEXT REFERENCES users (id),
  org_id TEXT REFERENCES orgs (id),
  proof {bytes},
  ip TEXT,
  user_agent TEXT,
  created_at BIGINT NOT NULL,
  auth_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);

CREATE INDEX logins_user ON logins (user_id, created_at);

-- Failures by account and by address. `name` is a digest.
CREATE TABLE throttles (
  name TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  since BIGINT NOT NULL,
  locked_until BIGINT
);

CREATE TABLE pats (
  id TEXT PRIMARY KEY,
  hash {bytes} NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id),
  org_id TEXT NOT NULL REFERENCES orgs (id),
  name TEXT NOT NULL,
  -- The first characters, so that its owner knows it again.
  hint TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
);

CREATE INDEX pats_user ON pats (user_id, created_at);

-- What people of a role reach of a tenant through OAuth. Without a row: the schema, and no snapshot.
CREATE TABLE tenant_grants (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  role TEXT NOT NULL,
  -- JSON lists; NULL reaches everything the worker exposes.
  snapshots TEXT,
  tools TEXT,
  max_rows BIGINT,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, role)
);
