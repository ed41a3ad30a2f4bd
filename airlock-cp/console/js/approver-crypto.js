// @ts-check
// The cryptography of an approver in a browser: WebCrypto, and nothing from elsewhere. Functions over values: no DOM, no network, no
// storage. It does what airlock_client::approver does in Rust, and a test holds both against each other in Chromium.
//
// Private keys and content keys are CryptoKeys that cannot be exported; they can be kept in IndexedDB. Payloads are hashed as they
// were decrypted and never written anew, because SDKs disagree on canonical forms.

const ALG = "aes-256-gcm";
const CONTENT_KEY_LABEL = "HARP-E2E-AES256GCM";
const ENCODED_CHARS_MAX = 4 * 1024 * 1024;
const DEPTH_MAX = 127;
// RFC 8410, section 4: what stands before the 32 bytes of a key in a SubjectPublicKeyInfo.
const SPKI = { Ed25519: "302a300506032b6570032100", X25519: "302a300506032b656e032100" };

const WHY = {
  unknown_alg: "sealed with an unknown algorithm, or not at all",
  encoding: "the sealed parts are not well formed",
  tag: "the tag does not fit: another key, or something was changed",
  key: "not a key of this kind",
  small_order: "the peer's key is of small order",
  not_claimed: "nobody took this code up yet",
  over: "this pairing is over",
  field: "a field cannot be signed without doubt",
  hash: "the hash is not that of what was opened",
  not_canonical: "the value has no canonical JSON form",
};

/** Why something was not done: `code` is one of the names above. It never quotes a value. */
export class ApproverError extends Error {
  /** @param {keyof typeof WHY} code */
  constructor(code) {
    super(WHY[code]);
    this.name = "ApproverError";
    this.code = code;
  }
}

/**
 * @typedef {{privateKey: CryptoKey, publicKey: string, signerKeyId: string, deviceId: string}} Signer
 * @typedef {{alg: string, data: string, nonce?: string | null, tag?: string | null, aad?: string | null}} Ciphertext
 * @typedef {{pairingNonce: string, deviceId: string, x25519PublicKey?: string | null, state?: string}} Invitation
 */

// ---- Bytes as text -------------------------------------------------------------------------------------------------------------

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text);
/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
/** @param {Uint8Array} bytes */
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/**
 * Base64url without padding.
 * @param {Uint8Array} bytes
 */
export function b64url(bytes) {
  const text = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Reads base64 of either alphabet, with padding or without. Bits that no byte uses must be zero, so that one key has one text.
 * @param {unknown} text
 */
export function decodeAny(text) {
  if (typeof text !== "string" || text.length > ENCODED_CHARS_MAX) throw new ApproverError("encoding");
  const parts = /^([A-Za-z0-9+/_-]*)(={0,2})$/.exec(text);
  // Without the flag `m`, `$` is the end of the text, also where a line break stands there.
  const digits = (parts?.[1] ?? "=").replaceAll("-", "+").replaceAll("_", "/");
  const over = digits.length % 4;
  if (!parts || over === 1 || parts[2].length > (4 - over) % 4) throw new ApproverError("encoding");
  const bytes = Uint8Array.from(atob(digits), (c) => c.charCodeAt(0));
  if (over && btoa(atob(digits.slice(-over))).slice(0, over) !== digits.slice(-over)) throw new ApproverError("encoding");
  return bytes;
}

/**
 * A public key: 32 raw bytes, or the 44 that Node's programs send; as bytes or as base64.
 * @param {unknown} key
 * @param {keyof typeof SPKI} kind
 */
function rawKey(key, kind) {
  let bytes = key;
  try {
    if (!(key instanceof Uint8Array)) bytes = decodeAny(key);
  } catch {
    throw new ApproverError("key");
  }
  const all = /** @type {Uint8Array} */ (bytes);
  const raw = all.length === 44 && hex(all.subarray(0, 12)) === SPKI[kind] ? all.slice(12) : all;
  if (raw.length !== 32) throw new ApproverError("key");
  return raw;
}

/**
 * Whether a text can be one field among others: not empty, not too long, no control character.
 * @param {unknown} text
 * @param {number} bytesMax
 * @returns {text is string}
 */
const isPlain = (text, bytesMax) =>
  typeof text === "string" && text !== "" && text.isWellFormed() && utf8(text).length <= bytesMax && !/\p{Cc}/u.test(text);

// ---- The signing key -----------------------------------------------------------------------------------------------------------

/**
 * A new signing key, and a name for this device.
 * @returns {Promise<Signer>}
 */
export async function generateSigner() {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]));
  const publicKey = b64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const signerKeyId = await signerKeyIdOf(publicKey);
  return { privateKey: pair.privateKey, publicKey, signerKeyId, deviceId: `dev-${crypto.randomUUID()}` };
}

/**
 * The name of a key: `key-` and the first 16 hex digits of its SHA-256.
 * @param {string | Uint8Array} publicKey
 */
async function signerKeyIdOf(publicKey) {
  return `key-${hex((await sha256(rawKey(publicKey, "Ed25519"))).subarray(0, 8))}`;
}
export { signerKeyIdOf as signerKeyId };

/**
 * What two people compare before they confirm a pairing: 8 bytes as `AA:BB:…`.
 * @param {string | Uint8Array} publicKey
 */
export async function fingerprint(publicKey) {
  const hash = await sha256(rawKey(publicKey, "Ed25519"));
  return Array.from(hash.subarray(0, 8), (b) => hex(Uint8Array.of(b)).toUpperCase()).join(":");
}

/**
 * @param {Signer} signer
 * @param {string} text
 */
async function signature(signer, text) {
  return b64url(new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, signer.privateKey, utf8(text))));
}

// ---- Pairing -------------------------------------------------------------------------------------------------------------------

/**
 * Answers who wants to pair, with a fresh X25519 key. Keep the content key before the answer is sent: once the enforcer has it, requests
 * come that only this key opens.
 * @param {Signer} signer
 * @param {Invitation} invitation what the gateway said of the code
 * @param {Date} now
 */
export async function answerPairing(signer, invitation, now) {
  const state = String(invitation.state ?? "Pending").toLowerCase();
  if (["completed", "expired", "revoked"].includes(state)) throw new ApproverError("over");
  if (!invitation.deviceId) throw new ApproverError("not_claimed");
  const own = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]));
  const contentKey = await agree(own.privateKey, invitation.x25519PublicKey);
  const x25519PublicKey = b64url(new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey)));
  const timestamp = Number.isNaN(now.getTime()) ? "" : now.toISOString();
  const responseJson = await signAnswer(signer, { pairingNonce: invitation.pairingNonce, timestamp, x25519PublicKey });
  return { responseJson, contentKey };
}

/**
 * The text of `responseJson`: public keys, signed with all five fields. With `|` in a field two lists of fields would have one text; a
 * time where a decision has its word keeps the two kinds of signatures apart.
 * @param {Signer} signer
 * @param {{pairingNonce: string, timestamp: string, x25519PublicKey: string}} answer
 */
export async function signAnswer(signer, { pairingNonce, timestamp, x25519PublicKey }) {
  const { signerKeyId, publicKey, deviceId } = signer;
  const fields = [signerKeyId, publicKey, pairingNonce, timestamp, x25519PublicKey];
  if (!fields.every((field) => isPlain(field, 256) && !field.includes("|"))) throw new ApproverError("field");
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(timestamp)) throw new ApproverError("field");
  const signed = await signature(signer, fields.join("|"));
  return JSON.stringify({ signerKeyId, publicKey, pairingNonce, timestamp, x25519PublicKey, signature: signed, deviceId });
}

/**
 * The key that both sides of a pairing get. It opens and does nothing else.
 * @param {CryptoKey} privateKey
 * @param {unknown} peer the other side's public key
 */
export async function agree(privateKey, peer) {
  const raw = rawKey(peer, "X25519");
  let shared;
  try {
    const point = await crypto.subtle.importKey("raw", raw, { name: "X25519" }, false, []);
    shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: point }, privateKey, 256));
  } catch {
    throw new ApproverError("small_order");
  }
  // RFC 7748, section 6.1: browsers refuse it themselves, by their specification. This does not depend on it.
  if (shared.every((b) => b === 0)) throw new ApproverError("small_order");
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  shared.fill(0);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(CONTENT_KEY_LABEL) };
  return crypto.subtle.deriveKey(hkdf, secret, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
}

// ---- Opening -------------------------------------------------------------------------------------------------------------------

/**
 * Opens what the other side sealed. An `aad` that was sent with it is checked too.
 * @param {CryptoKey} contentKey
 * @param {Ciphertext | null | undefined} ciphertext
 */
export async function open(contentKey, ciphertext) {
  if (String(ciphertext?.alg).toLowerCase() !== ALG) throw new ApproverError("unknown_alg");
  const [data, iv, tag] = [ciphertext.data, ciphertext.nonce, ciphertext.tag].map(decodeAny);
  const additionalData = decodeAny(ciphertext.aad ?? "");
  // A shorter tag is a valid one of GCM, and weaker.
  if (iv.length !== 12 || tag.length !== 16) throw new ApproverError("encoding");
  const sealed = new Uint8Array(data.length + tag.length);
  sealed.set(data);
  sealed.set(tag, data.length);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData, tagLength: 128 }, contentKey, sealed));
  } catch {
    throw new ApproverError("tag");
  }
}

/**
 * SHA-256 of the decrypted bytes, as they are, in lower-case hex.
 * @param {Uint8Array} bytes
 */
export async function artifactHash(bytes) {
  return hex(await sha256(bytes));
}

/**
 * Whether the hash that a decision will name is that of what was decrypted.
 * @param {Uint8Array} bytes
 * @param {string} hash
 */
export async function checkHash(bytes, hash) {
  return (await artifactHash(bytes)) === hash;
}

// ---- Signing -------------------------------------------------------------------------------------------------------------------

/** What makes one signature different from every other: 128 random bits. */
export const newNonce = () => b64url(crypto.getRandomValues(new Uint8Array(16)));

/**
 * Signs a person's choice, in form A. A yes needs `opened`, the bytes that the person was shown, and their hash must be the one that is
 * signed. `dangerousUnverified: true` signs a yes without: for enforcers that name hashes of their own making, when the person was told
 * that nobody can tell what the yes is about.
 * @param {Signer} signer
 * @param {{artifactHash: string, decision: "approve" | "reject", nonce?: string, opened?: Uint8Array, dangerousUnverified?: boolean}} choice
 */
export async function sign(signer, { artifactHash: hash, decision, nonce = newNonce(), opened, dangerousUnverified }) {
  if (!isPlain(hash, 256) || (decision !== "approve" && decision !== "reject")) throw new ApproverError("field");
  // Without `|` in word and nonce the text reads from its end in one way only.
  if (typeof nonce !== "string" || !/^[!-{}~]{1,128}$/.test(nonce)) throw new ApproverError("field");
  const isSeen = opened instanceof Uint8Array && (await checkHash(opened, hash));
  if (decision === "approve" && !isSeen && dangerousUnverified !== true) throw new ApproverError("hash");
  const signed = await signature(signer, `${hash}|${decision}|${nonce}`);
  return { artifactHash: hash, decision, signerKeyId: signer.signerKeyId, nonce, signature: signed };
}

/**
 * Puts the signature into a standing decision (do not disturb) that is otherwise whole, `signerKeyId` and `nonce` included.
 * @param {Signer} signer
 * @param {Record<string, unknown>} policy
 */
export async function signPolicy(signer, policy) {
  if (!isObject(policy)) throw new ApproverError("not_canonical");
  const { signature: _, ...unsigned } = policy;
  return { ...unsigned, signature: await signature(signer, canonical(unsigned, 0)) };
}

/**
 * Canonical JSON (RFC 8785): ECMAScript's own numbers and texts, keys by UTF-16 units. What JSON would drop, change or write in a way that
 * others read otherwise has none.
 * @param {unknown} value
 * @param {number} depth
 * @returns {string}
 */
function canonical(value, depth) {
  if (depth > DEPTH_MAX) throw new ApproverError("not_canonical");
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string" && value.isWellFormed()) return JSON.stringify(value);
  // Whole numbers beyond 2^53 are read with other digits by programs that have integers.
  if (typeof value === "number" && Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value))) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${Array.from(value, (item) => canonical(item, depth + 1)).join(",")}]`;
  if (!isObject(value)) throw new ApproverError("not_canonical");
  const member = (/** @type {string} */ key) => `${canonical(key, depth + 1)}:${canonical(value[key], depth + 1)}`;
  return `{${Object.keys(value).sort().map(member).join(",")}}`;
}

/**
 * Whether a value is an object as JSON has them: no list, no date, nothing with a class.
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  if (typeof value !== "object" || value === null) return false;
  const made = Object.getPrototypeOf(value);
  return made === null || made === Object.prototype;
}

// ---- Reading a payload ---------------------------------------------------------------------------------------------------------

/**
 * The buttons that a payload asks for, or null if it asks for none or breaks one rule: then show yes and no. A caption is the enforcer's
 * text, to be shown as `inert` with what the button does beside it.
 * @param {Uint8Array} bytes the decrypted payload
 */
export function requestedActions(bytes) {
  const text = decoded(bytes, true);
  const parsed = text === null ? null : parse(text);
  if (text === null || !parsed || !isSound(parsed.value, 0)) return null;
  const extensions = members(text)?.get("extensions");
  const extension = members(extensions ?? "")?.get("org.harp.requestedActions");
  const asked = members(extension ?? "");
  // 1 and no other way to write it: 1.0 is another version, and only the text tells.
  if (asked?.get("version") !== "1") return null;
  const list = parse(asked.get("actions") ?? "")?.value;
  if (!Array.isArray(list) || list.length < 1 || list.length > 5) return null;
  const actions = list.map(action);
  const names = new Set(actions.map((one) => one?.id.toLowerCase()));
  return actions.every((one) => one !== null) && names.size === actions.length ? actions : null;
}

/** @param {unknown} value */
function action(value) {
  if (!isObject(value)) return null;
  const has = (/** @type {string} */ key) => (Object.hasOwn(value, key) ? value[key] : undefined);
  const [id, caption, decision, style] = ["id", "caption", "decision", "style"].map(has);
  const isName = (/** @type {unknown} */ text) => typeof text === "string" && [...text].length <= 128 && trimmed(text) !== "";
  if (!isName(id) || !isName(caption) || (decision !== "approve" && decision !== "reject")) return null;
  if (style !== undefined && style !== null && typeof style !== "string") return null;
  const shown = style === "primary" || style === "danger" ? style : "secondary";
  return { id: String(id), caption: trimmed(String(caption)), decision, style: shown };
}

// Unicode's white space; JavaScript's own trim has another list.
/** @param {string} text */
const trimmed = (text) => text.replace(/^\p{White_Space}+/u, "").replace(/\p{White_Space}+$/u, "");

/**
 * A payload as rows for a person: a name, and lines of inert text, with this many characters at most. `leftOut` counts those that whoever
 * approves did not see.
 * @param {Uint8Array} bytes the decrypted payload
 */
export function rows(bytes, charsMax = 10_000) {
  const shown = { rows: /** @type {{name: string, lines: string[]}[]} */ ([]), leftOut: 0 };
  let left = charsMax;
  const put = (/** @type {string} */ name, /** @type {string} */ text) => {
    const named = cut(name, Math.min(200, left));
    left -= named.kept;
    const valued = cut(text, left);
    left -= valued.kept;
    shown.leftOut += named.leftOut + valued.leftOut;
    shown.rows.push({ name: inert(named.text), lines: valued.text.split("\n").map(inert) });
  };
  const strict = decoded(bytes, true);
  const found = strict === null ? null : members(strict);
  if (found) {
    // Extensions say how to ask, not what is asked.
    for (const name of [...found.keys()].filter((name) => name !== "extensions").sort(byCodePoint)) {
      put(name, shownText(found.get(name) ?? ""));
    }
  } else {
    const text = decoded(bytes, false) ?? "";
    put("", parse(text) ? shownText(text) : text);
  }
  return shown;
}

// Controls, marks of direction, characters of no width or no ink, every space but one, and halves of pairs.
const ACTIVE = new RegExp(
  "(?! )[\\p{Cc}\\p{Cs}\\p{White_Space}\\u{ad}\\u{34f}\\u{61c}\\u{115f}\\u{1160}\\u{17b4}\\u{17b5}\\u{180b}-\\u{180f}" +
    "\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}\\u{2060}-\\u{206f}\\u{2800}\\u{3164}\\u{fe00}-\\u{fe0f}\\u{feff}\\u{ffa0}" +
    "\\u{fff0}-\\u{fffc}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]",
  "gu",
);

/**
 * One line of text in which every character that could reorder, hide or imitate its neighbours stands as `\u{…}`. Still text: it belongs
 * into `textContent`.
 * @param {string} text
 */
export function inert(text) {
  return text.replace(ACTIVE, (c) => `\\u{${/** @type {number} */ (c.codePointAt(0)).toString(16)}}`);
}

/**
 * @param {Uint8Array} bytes
 * @param {boolean} fatal whether what is no UTF-8 has no text, or one with U+FFFD
 */
function decoded(bytes, fatal) {
  try {
    return new TextDecoder("utf-8", { fatal, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** @param {string} text */
function parse(text) {
  try {
    return { value: /** @type {unknown} */ (JSON.parse(text)) };
  } catch {
    return null;
  }
}

/**
 * Whether every text is whole, every number finite, and nothing nested deeper than others read.
 * @param {unknown} value
 * @param {number} depth
 * @returns {boolean}
 */
function isSound(value, depth) {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return depth < DEPTH_MAX && Object.entries(value).every(([key, item]) => key.isWellFormed() && isSound(item, depth + 1));
}

/**
 * The members of a JSON object, each as it was written: JSON.parse would round large numbers. Null for what is no object, or has a name
 * that is no whole text. Of equal names the last stays.
 * @param {string} json
 */
function members(json) {
  if (!/^[ \t\n\r]*\{/.test(json) || !parse(json)) return null;
  const found = /** @type {Map<string, string>} */ (new Map());
  let [depth, from, inText, name] = [0, 0, false, ""];
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (inText) {
      if (c === "\\") i++;
      else inText = c !== '"';
    } else if (c === '"') {
      inText = true;
    } else if (c === ":" && depth === 1) {
      name = JSON.parse(json.slice(from, i));
      if (!name.isWellFormed()) return null;
      from = i + 1;
    } else if (c === "{" || c === "[") {
      if (++depth === 1) from = i + 1;
    } else if (c === "," || c === "}" || c === "]") {
      const raw = depth === 1 ? json.slice(from, i).trim() : "";
      if (raw) found.set(name, raw);
      if (depth === 1) from = i + 1;
      if (c !== ",") depth--;
    }
  }
  return found;
}

/**
 * A JSON value as people read it: a text as it is, anything else with line breaks and indentation.
 * @param {string} json
 */
function shownText(json) {
  const value = parse(json)?.value;
  if (typeof value === "string" && value.isWellFormed()) return value;
  const characters = json.replace(/[\t\n\r]/g, "");
  let [out, depth, inText, escaped] = ["", 0, false, false];
  const broken = () => `\n${"  ".repeat(Math.min(depth, 16))}`;
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i];
    if (inText) {
      out += c;
      inText = escaped || c !== '"';
      escaped = !escaped && c === "\\";
    } else if (c === "{" || c === "[") {
      out += c;
      if (/[}\]]/.test(characters[i + 1])) {
        out += characters[++i];
      } else {
        depth++;
        out += broken();
      }
    } else if (c === "}" || c === "]") {
      depth = Math.max(0, depth - 1);
      out += broken() + c;
    } else if (c === ",") {
      out += c + broken();
    } else if (c === ":") {
      out += ": ";
    } else if (c !== " ") {
      inText = c === '"';
      out += c;
    }
  }
  return out;
}

/**
 * A text up to a number of characters.
 * @param {string} text
 * @param {number} charsMax
 */
function cut(text, charsMax) {
  let [end, kept, leftOut] = [0, 0, 0];
  for (const c of text) {
    if (kept < charsMax) {
      kept++;
      end += c.length;
    } else {
      leftOut++;
    }
  }
  return { text: text.slice(0, end), kept, leftOut };
}

/**
 * Halves of pairs sort above everything else, as the characters do that they make.
 * @param {string} one
 * @param {string} other
 */
function byCodePoint(one, other) {
  let i = 0;
  while (i < one.length && one[i] === other[i]) i++;
  const rank = (/** @type {number} */ c) => (c >= 0xd800 && c < 0xe000 ? c + 0x10000 : c);
  return (i < one.length ? rank(one.charCodeAt(i)) : -1) - (i < other.length ? rank(other.charCodeAt(i)) : -1);
}
