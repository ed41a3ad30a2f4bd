//! A database whose every cell can be recognised, and a policy that masks every column.

/// What every text cell holds, beside a number of its own. No mask makes it, no program says it.
pub(super) const STEM: &str = "qx7zkwvj3bnp";

/// What the cells of the one column that is clear hold.
pub(super) const CLEAR: &str = "wm5yhtrc8dgf";

/// Numbers that are cells, in forms that no text has: found as digits, and as binary where they are eight bytes wide.
pub(super) const NUMBERS: [i64; 8] = [
    7_261_548_390_127, // users.id
    8_146_093_275_518, // orders.id
    9_035_718_264_493, // merchants.id
    5_914_827_360_248, // users.account
    6_483_920_175_836, // users.score, orders.qty
    1_847_362_915,     // users.pin
    // 2009-03-17 04:51:37.918273 UTC in microseconds, of users.joined and orders.placed.
    1_237_265_497_918_273,
    7_392_846_150_372, // users.levels
];

/// Parts of cells whose text a mask may legally begin or end with, and forms of dates, amounts and identifiers.
pub(super) const TEXTS: [&str; 11] = [
    "04:51:37.918273",
    "1961-07-23",
    "07/23/1961",
    "81726354.9172",
    "817263549172",
    "6d1f9a52-83c4-4b7e-a0d9-5f2e71c8b364",
    "6d1f9a5283c44b7ea0d95f2e71c8b364",
    "203.0.113.187",
    "17 days 03:14:07",
    "7261548390127",
    "81460932800000",
];

/// The database. `¤` stands for a text that is nowhere else, `§` for one of the clear column.
pub(super) fn seed() -> String {
    let mut out = String::new();
    for (n, part) in SEED.split_inclusive('¤').enumerate() {
        out += &part.replace('¤', &format!("{STEM}{n:03}"));
    }
    out.replace('§', &format!("{CLEAR}001"))
}

/// Subjects: `subject_1` is asked about; `subject_2` is another person; the export of `subject_3` fails in the database, whose
/// own words then quote a cell.
const SEED: &str = r#"
CREATE TYPE rank AS ENUM ('¤', '¤');
CREATE TABLE users (
  id bigint PRIMARY KEY, external_id text UNIQUE NOT NULL, name text, email text, work_email varchar(80), ssn text, card text,
  zip text, born date, joined timestamptz, account numeric(18,0), salary numeric(18,4), score bigint, device uuid, secret bytea,
  rank rank, tags text[], levels bigint[], profile jsonb, raw json, host inet, pause interval, code char(24), pin int,
  fixed text, ratio float8, password_hash text, notes text, motto text);
CREATE TABLE merchants (id bigint PRIMARY KEY, name text, iban text);
CREATE TABLE orders (
  id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, merchant_id bigint REFERENCES merchants, email text,
  memo text, amount numeric(18,4), placed timestamp, sku text, qty bigint);
CREATE INDEX ON orders (user_id);
CREATE TABLE lines (order_id bigint NOT NULL REFERENCES orders, label text);
CREATE INDEX ON lines (order_id);
CREATE TABLE codes (id bigint PRIMARY KEY, label text);

INSERT INTO users VALUES
 (7261548390127, 'subject_1', '¤', '¤@¤.example', '¤@shared.example', '¤', '¤-1111', 'Z0X¤', '1961-07-23',
  '2009-03-17 04:51:37.918273+00', 5914827360248, 81726354.9172, 6483920175836, '6d1f9a52-83c4-4b7e-a0d9-5f2e71c8b364',
  '¤', (enum_range(NULL::rank))[1], ARRAY['¤', '¤'], ARRAY[7392846150372], NULL, '{"k¤": "¤", "n": 7261548390127}',
  '203.0.113.187', '17 days 03:14:07', '¤', 1847362915, '¤', 81726354.9172, '¤', NULL, '§'),
 (2, 'subject_2', '¤', '¤@¤.example', '¤@shared.example', '¤', '¤-2222', 'Z0X¤', NULL, NULL, 1, 1, 1, NULL, '¤',
  (enum_range(NULL::rank))[2], ARRAY['¤'], NULL, NULL, NULL, NULL, NULL, '¤', 1, '¤', 1, '¤', NULL, 'x'),
 (3, 'subject_3', '¤', '¤@¤.example', NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, 1, NULL, 1, NULL, NULL, 'x');
INSERT INTO merchants VALUES (9035718264493, '¤', 'DE¤0000'), (4, '¤', 'DE¤0001');
INSERT INTO orders VALUES
 (8146093275518, 7261548390127, 9035718264493, '¤@¤.example', NULL, 81726354.9172, '2009-03-17 04:51:37.918273', '¤', 6483920175836),
 (81, 7261548390127, 9035718264493, '¤@¤.example', NULL, 1, NULL, '¤', 2),
 (82, 2, 4, '¤@¤.example', NULL, 1, NULL, '¤', 2);
-- Two rounds of keys, and a table that may be so large that it is read by COPY.
INSERT INTO orders (id, user_id, sku) SELECT 8146093280000000000 + n, 7261548390127, '¤' || n FROM generate_series(1, 10001) n;
INSERT INTO lines SELECT id, '¤' || id FROM orders;
INSERT INTO codes SELECT 8146093280000000000 + n, '¤' || n FROM generate_series(1, 10) n;

-- Free text and JSON that repeat what is read from elsewhere, as it is and in capitals: `scrub` knows that, and patterns. It does
-- not know prose, nor what a mask keeps from being read at all (ssn, fixed, password_hash), so none of these stands here.
UPDATE users SET
  notes = format('%s (%s, %s) of %s with %s called, signed %s', name, email, work_email, zip, card, upper(name)),
  profile = jsonb_build_object('who', name, 'also', jsonb_build_array(upper(name), email), 'code', trim(code))
  WHERE id = 7261548390127;
UPDATE orders o SET memo = format('for %s, mail to %s, bill to %s', u.name, o.email, upper(u.email))
  FROM users u WHERE u.id = o.user_id AND u.external_id = 'subject_1';

-- Fails for one subject, with the cell in the server's message; and says cells aloud for all.
CREATE FUNCTION careless(who bigint, what text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RAISE NOTICE 'seen %', what;
  IF who = 3 THEN RETURN (what::int)::text; END IF;
  RETURN what;
END $$;
CREATE VIEW calls AS SELECT id AS user_id, careless(id, name) AS caller FROM users;
"#;

/// Every column is masked, by every kind that there is; `motto` is the control.
pub(super) const POLICY: &str = r#"
root_table: users
root_filter_col: external_id
limits: {global_table_max_rows: 50000}
tables:
  - name: users
    mask_columns:
      id: hash_int
      external_id: hash
      name: redact
      email: {kind: email, domain: hash}
      work_email: email
      ssn: "null"
      card: partial
      zip: truncate
      born: {kind: date_trunc, unit: year}
      joined: {kind: date_trunc, unit: year}
      account: hash
      salary: redact
      score: hash
      device: hash
      secret: hash
      rank: {kind: hash, length: 32}
      tags: redact
      levels: "null"
      profile: scrub
      raw: redact
      host: hash
      pause: "null"
      code: [{kind: scrub}, {kind: hash, prefix: c_}]
      pin: hash
      fixed: {kind: constant, value: fixed}
      ratio: redact
      notes: scrub
      motto: {kind: clear, reason: the control of this test}
    exclude_columns: [password_hash]
  - name: orders
    parent: users
    fk: user_id
    mask_columns:
      id: hash_int
      user_id: hash_int
      merchant_id: hash_int
      email: {kind: hash, lower: true, trim: true}
      memo: scrub
      amount: "null"
      placed: {kind: date_trunc, unit: month}
      sku: {kind: hash, prefix: sku_}
      qty: {kind: hash, as_text: true}
  - name: merchants
    via: orders
    via_fk: merchant_id
    mask_columns: {id: hash_int, name: redact, iban: {kind: partial, keep_first: 2, keep_last: 4}}
  - name: lines
    parent: orders
    fk: order_id
    mask_columns: {order_id: hash_int, label: [{kind: hash}, {kind: truncate, length: 8}]}
  - {name: codes, scope: global, mask_columns: {id: hash, label: hash}}
  - name: calls
    parent: users
    fk: user_id
    mask_columns: {user_id: hash_int, caller: hash}
"#;
