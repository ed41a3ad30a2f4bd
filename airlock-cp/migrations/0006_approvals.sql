-- Approvals: who decides, with which keys; pairings; what waits and what was decided. Ciphertext, hashes and clear metadata
-- only: no key that opens a payload is ever here.

-- A person as the one who decides, in one org.
CREATE TABLE approvers (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  UNIQUE (org_id, user_id)
);

-- The keys that an approver signs with, one a device.
CREATE TABLE approver_devices (
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  signer_key_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  device_id TEXT NOT NULL,
  label TEXT,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (approver_id, signer_key_id)
);

-- `owner_id`: the person whose enforcer it is; unknown until a code made in advance is claimed. `made_by` asked for the code.
-- The routing token is derived, and kept as SHA-256 to be looked up by.
CREATE TABLE pairings (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  nonce TEXT NOT NULL UNIQUE,
  code_hash {bytes} NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  is_claimed BOOLEAN NOT NULL,
  wrong_answers BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  owner_id TEXT,
  approver_id TEXT REFERENCES approvers (id),
  app_id TEXT,
  device_id TEXT,
  enforcer_id TEXT,
  enforcer_label TEXT,
  workspace TEXT,
  gateway TEXT,
  enforcer_key TEXT,
  answer TEXT,
  signer_key_id TEXT,
  token_hash {bytes} UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  completed_at BIGINT,
  ended_at BIGINT
);

CREATE UNIQUE INDEX pairings_code ON pairings (org_id, code_hash) WHERE state = 'Pending';
CREATE INDEX pairings_owner ON pairings (org_id, owner_id, state);
CREATE INDEX pairings_approver ON pairings (approver_id, state);
CREATE INDEX pairings_made_by ON pairings (org_id, made_by, state);

-- One thing asked, and what became of it. `request_id` is the enforcer's own word: unique for its owner only. `ended_at`:
-- since when it waits no longer.
CREATE TABLE exchanges (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  owner_id TEXT NOT NULL REFERENCES users (id),
  request_id TEXT NOT NULL,
  enforcer_id TEXT NOT NULL,
  enforcer_label TEXT,
  app_id TEXT,
  pairing_id TEXT,
  artifact_type TEXT NOT NULL,
  artifact_hash TEXT NOT NULL,
  ciphertext TEXT,
  metadata TEXT NOT NULL,
  standing_verdict TEXT,
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  decided_by TEXT,
  decision TEXT,
  deliver_id TEXT UNIQUE,
  UNIQUE (org_id, owner_id, request_id)
);

CREATE INDEX exchanges_pending ON exchanges (expires_at) WHERE state = 'PendingApproval';
CREATE INDEX exchanges_enforcer ON exchanges (org_id, owner_id, enforcer_id, state);
CREATE INDEX exchanges_month ON exchanges (org_id, owner_id, created_at);
CREATE INDEX exchanges_pairing ON exchanges (pairing_id) WHERE state = 'PendingApproval';
CREATE INDEX exchanges_ended ON exchanges (ended_at) WHERE ciphertext IS NOT NULL;

-- Before whom it lies. `pairing_id` names the key that opens it for this approver.
CREATE TABLE inbox (
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  exchange_id TEXT NOT NULL REFERENCES exchanges (id),
  pairing_id TEXT,
  msg_id TEXT NOT NULL UNIQUE,
  received_at BIGINT,
  dismissed_at BIGINT,
  PRIMARY KEY (approver_id, exchange_id)
);

CREATE INDEX inbox_exchange ON inbox (exchange_id);

-- A signer's nonce counts once.
CREATE TABLE decision_nonces (
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  signer_key_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  used_at BIGINT NOT NULL,
  PRIMARY KEY (approver_id, signer_key_id, nonce)
);

CREATE TABLE presence (
  org_id TEXT NOT NULL REFERENCES orgs (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  enforcer_id TEXT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  transport TEXT NOT NULL,
  capabilities TEXT,
  workspace TEXT,
  enforcer_label TEXT,
  PRIMARY KEY (org_id, user_id, enforcer_id)
);

-- What an approver decided in advance, as it was sent: the signature covers it.
CREATE TABLE dnd_policies (
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  policy_id TEXT NOT NULL,
  enforcer_id TEXT NOT NULL,
  workspace TEXT NOT NULL,
  policy TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (approver_id, policy_id)
);

CREATE INDEX dnd_policies_enforcer ON dnd_policies (enforcer_id, workspace);

-- Whether an app may act for a person. No record: it never asked.
CREATE TABLE app_consents (
  org_id TEXT NOT NULL REFERENCES orgs (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  app_id TEXT NOT NULL REFERENCES apps (id),
  state TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  decided_at BIGINT,
  PRIMARY KEY (org_id, user_id, app_id)
);

-- What happened, for those who wait, in whichever process they do.
CREATE TABLE approval_news (
  seq BIGINT PRIMARY KEY,
  ts BIGINT NOT NULL,
  topic TEXT NOT NULL,
  kind TEXT NOT NULL,
  about TEXT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('approval_news', 0);
