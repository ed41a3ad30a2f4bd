// npm `oidc-provider` with a store that is as durable as ours: SQLite in WAL with synchronous=FULL, one writer, through
// node's own driver. Refresh tokens rotate, access tokens are opaque, nothing is kept in memory.
//
// One line of JSON in, `{"families": n}`; one out, with the address and the tokens of so many families.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';

// The package lies where .ci/oidc-env put it.
const { Provider } = await import(`${process.env.MODULES}/oidc-provider/lib/index.js`);
const db = new DatabaseSync(process.env.STORE);
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE models (kind TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, grant_id TEXT, uid TEXT, user_code TEXT,
    expires_at INTEGER, PRIMARY KEY (kind, id)) WITHOUT ROWID;
  CREATE INDEX models_by_grant ON models (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX models_by_uid ON models (kind, uid) WHERE uid IS NOT NULL;
  CREATE INDEX models_by_user_code ON models (kind, user_code) WHERE user_code IS NOT NULL`);

const upsert = db.prepare(`INSERT INTO models (kind, id, payload, grant_id, uid, user_code, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (kind, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`);
const find = db.prepare('SELECT payload FROM models WHERE kind = ? AND id = ? AND (expires_at IS NULL OR expires_at > ?)');
const byUid = db.prepare('SELECT payload FROM models WHERE kind = ? AND uid = ?');
const byUserCode = db.prepare('SELECT payload FROM models WHERE kind = ? AND user_code = ?');
const consume = db.prepare("UPDATE models SET payload = json_set(payload, '$.consumed', ?) WHERE kind = ? AND id = ?");
const destroy = db.prepare('DELETE FROM models WHERE kind = ? AND id = ?');
const revoke = db.prepare('DELETE FROM models WHERE grant_id = ?');
const seconds = () => Math.floor(Date.now() / 1000);
const read = (row) => (row ? JSON.parse(row.payload) : undefined);

class Adapter {
  constructor(kind) { this.kind = kind; }
  async upsert(id, payload, expiresIn) {
    upsert.run(this.kind, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null, payload.userCode ?? null,
      expiresIn ? seconds() + expiresIn : null);
  }
  async find(id) { return read(find.get(this.kind, id, seconds())); }
  async findByUid(uid) { return read(byUid.get(this.kind, uid)); }
  async findByUserCode(code) { return read(byUserCode.get(this.kind, code)); }
  async consume(id) { consume.run(seconds(), this.kind, id); }
  async destroy(id) { destroy.run(this.kind, id); }
  async revokeByGrantId(grant) { revoke.run(grant); }
}

const day = 24 * 3600;
const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  adapter: Adapter,
  clients: [
    { client_id: 'app', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1:1/callback'], application_type: 'native' },
    { client_id: 'rs', client_secret: 'rs-secret-rs-secret-rs-secret-rs', grant_types: [], response_types: [], redirect_uris: [] },
  ],
  scopes: ['offline_access', 'mcp:read'],
  features: { introspection: { enabled: true, allowedPolicy: () => true }, devInteractions: { enabled: false } },
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: true,
  cookies: { keys: ['a key of the benches'] },
  ttl: { AccessToken: 8 * 3600, RefreshToken: 30 * day, Grant: 30 * day, Session: day, Interaction: 3600, IdToken: 3600 },
});
provider.on('server_error', (_, error) => console.error(error));
server.on('request', provider.callback());

async function family(client, n) {
  const scope = 'offline_access mcp:read';
  const grant = new provider.Grant({ accountId: `person-${n}`, clientId: 'app' });
  grant.addOIDCScope(scope);
  const about = { accountId: grant.accountId, client, grantId: await grant.save(), scope, gty: 'authorization_code',
    authTime: seconds() };
  const access = await new provider.AccessToken({ ...about }).save();
  const refresh = await new provider.RefreshToken({ ...about, rotations: 0, iiat: seconds() }).save();
  return { access, refresh };
}

for await (const line of createInterface({ input: process.stdin })) {
  const client = await provider.Client.find('app');
  const families = [];
  for (let n = 0; n < JSON.parse(line).families; n += 1) families.push(await family(client, n));
  console.log(JSON.stringify({ url: issuer, families }));
}
process.exit(0);
