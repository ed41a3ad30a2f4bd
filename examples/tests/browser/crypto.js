// @ts-check
// What examples/tests/it/browser_crypto asks of the approver's module. Everything that is given back is checked there, against core.
import * as airlock from "/approver-crypto.js";

const utf8 = (text) => new TextEncoder().encode(text);
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const asked = async (path, body) => (await fetch(path, body && { method: "POST", body: JSON.stringify(body) })).json();

// A private key of fixed bytes, in its PKCS#8 form (RFC 8410, section 7).
function privateKey(name, oid, bytes, usage) {
  const pkcs8 = new Uint8Array([...fromHex(`302e020100300506032b65${oid}04220420`), ...airlock.decodeAny(bytes)]);
  return crypto.subtle.importKey("pkcs8", pkcs8, { name }, false, [usage]);
}
const agreementKey = (bytes) => privateKey("X25519", "6e", bytes, "deriveBits");

// The code of the refusal, or "done".
async function told(act) {
  try {
    await act();
    return "done";
  } catch (error) {
    return error instanceof airlock.ApproverError ? error.code : `not ours: ${error}`;
  }
}

export async function vectors() {
  const given = await asked("/given");
  const [enforcer, approver] = [await agreementKey(given.enforcerPrivate), await agreementKey(given.approverPrivate)];
  const peers = [[approver, given.enforcerPublic], [approver, given.enforcerSpki], [enforcer, given.approverPublic]];
  const opened = [];
  let usages;
  for (const [own, peer] of peers) {
    const key = await airlock.agree(own, peer);
    usages = [key.extractable, ...key.usages];
    opened.push(new TextDecoder().decode(await airlock.open(key, given.sealed)));
  }
  const signer = {
    privateKey: await privateKey("Ed25519", "70", given.seed, "sign"),
    publicKey: given.edPublic, signerKeyId: "key-test-1", deviceId: "mobile",
  };
  const choice = { artifactHash: given.artifactHash, nonce: "nonce-0001", opened: utf8(given.payload) };
  const answer = { pairingNonce: "pn-0001", timestamp: "2026-01-01T00:00:00Z", x25519PublicKey: given.approverPublic };
  const aes = await crypto.subtle.importKey("raw", fromHex(given.nist.key), "AES-GCM", false, ["decrypt"]);
  return {
    isSecureContext, opened, usages,
    hashes: await Promise.all(given.texts.map((text) => airlock.artifactHash(utf8(text)))),
    approve: await airlock.sign(signer, { ...choice, decision: "approve" }),
    reject: await airlock.sign(signer, { ...choice, decision: "reject" }),
    answer: await airlock.signAnswer(signer, answer),
    names: await Promise.all([given.edPublic, given.edSpki, airlock.decodeAny(given.edPublic)].map(async (key) =>
      [await airlock.signerKeyId(key), await airlock.fingerprint(key)])),
    nist: airlock.b64url(await airlock.open(aes, given.nist.sealed)),
    nistWithoutAad: await told(() => airlock.open(aes, { ...given.nist.sealed, aad: null })),
  };
}

export async function refusals() {
  const given = await asked("/given");
  const own = await agreementKey(given.approverPrivate);
  const key = await airlock.agree(own, given.enforcerPublic);
  const other = await airlock.agree(await agreementKey(given.seed), given.enforcerPublic);
  const sealed = (change) => told(() => airlock.open(key, { ...given.sealed, ...change }));
  const signer = await airlock.generateSigner();
  const invitation = { pairingNonce: "pn", deviceId: "d", x25519PublicKey: given.enforcerPublic, state: "Pending" };
  const now = new Date(0);
  const pair = (change, at = now) => told(() => airlock.answerPairing(signer, { ...invitation, ...change }, at));
  const opened = utf8(given.payload);
  const choice = { artifactHash: given.artifactHash, decision: "approve", opened };
  const sign = (change) => told(() => airlock.sign(signer, { ...choice, ...change }));
  const policy = (value) => told(() => airlock.signPolicy(signer, { value }));
  const cycle = [];
  cycle.push(cycle);
  const all = (of, list) => Promise.all(list.map((one) => of(one)));
  return {
    exported: await all((format) => crypto.subtle.exportKey(format, signer.privateKey).then(() => "done", (e) => e.name), ["pkcs8", "jwk"]),
    exportedContentKey: await all((format) => crypto.subtle.exportKey(format, key).then(() => "done", (e) => e.name), ["raw", "jwk"]),
    clone: await told(() => airlock.sign(structuredClone(signer), choice)),
    open: await all(sealed, [{}, { alg: "aes-256-gcm" }, { tag: null, alg: "none" }, { alg: "" }, { alg: null }, { alg: "AE\u017f-256-GCM" }, { nonce: null }, { tag: undefined },
      { tag: btoa("\0".repeat(12)) }, { nonce: btoa("\0".repeat(16)) }, { data: `${given.sealed.data}!` }, { data: 7 }, { aad: "!" },
      { data: "" }, { aad: "AA==" }, { tag: btoa("\0".repeat(16)) }]),
    erased: await told(() => airlock.open(key, null)),
    otherKey: await told(() => airlock.open(other, given.sealed)),
    smallOrder: await all((point) => told(() => airlock.agree(own, fromHex(point))), given.smallOrder),
    keys: await all((peer) => told(() => airlock.agree(own, peer)), ["", "AAECAw", "not base64!", null, undefined, 7, given.edSpki, `${given.enforcerPublic}A`]),
    base64: await all((text) => told(() => airlock.decodeAny(text)), given.notBase64),
    pair: await all(pair, [{}, { state: "Completed" }, { state: "revoked" }, { state: "EXPIRED" }, { deviceId: "" }, { x25519PublicKey: null },
      { pairingNonce: "" }, { pairingNonce: "p|n" }, { pairingNonce: "p\n" }, { pairingNonce: "p\u0085" }, { pairingNonce: "p\ud800" },
      { pairingNonce: "n".repeat(257) }, { pairingNonce: undefined }]),
    pairAt: await all((at) => pair({}, at), [new Date(NaN), new Date(8.64e15)]),
    sign: await all(sign, [{}, { opened: utf8("other") }, { opened: undefined }, { opened: given.payload }, { opened: undefined, dangerousUnverified: 1 },
      { opened: undefined, dangerousUnverified: true }, { opened: undefined, decision: "reject" }, { artifactHash: given.artifactHash.toUpperCase() },
      { decision: "Approve" }, { decision: "allow" }, { decision: ["approve"] }, { artifactHash: "" }, { artifactHash: "a\nb" }, { nonce: "" },
      { nonce: "a|b" }, { nonce: "a b" }, { nonce: "a\n" }, { nonce: "é" }, { nonce: "n".repeat(129) }, { nonce: null }]),
    policy: await all(policy, [1, undefined, NaN, Infinity, 2 ** 53, 1e21, 1n, new Date(0), new Map(), () => 1, Symbol.iterator, "\ud800", { "\udc00": 1 },
      [1, , 2], cycle]),
    policies: await all((whole) => told(() => airlock.signPolicy(signer, whole)), [[], null, "text", new Date(0)]),
  };
}

// Every character of Unicode that does not come through, as ranges of code points.
export function inert() {
  const ranges = [];
  const wrong = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const [text, shown] = [String.fromCodePoint(code), airlock.inert(String.fromCodePoint(code))];
    if (shown === text) continue;
    if (shown !== `\\u{${code.toString(16)}}`) wrong.push(code);
    if (ranges.at(-1)?.[1] === code - 1) ranges.at(-1)[1] = code;
    else ranges.push([code, code]);
  }
  return { ranges, wrong, half: airlock.inert("a\ud800b\udc00") };
}

// A whole life: pairs with each enforcer, opens what it sealed, decides twice about each, and signs standing decisions.
export async function life() {
  const { invitations, policies } = await asked("/invitations");
  const pairings = [];
  for (const invitation of invitations) {
    const signer = await airlock.generateSigner();
    pairings.push({ signer, ...(await airlock.answerPairing(signer, invitation, new Date())) });
  }
  const sealed = await asked("/sealed", pairings.map(({ responseJson }) => responseJson));
  const opened = [];
  for (const [i, { signer, contentKey }] of pairings.entries()) {
    for (const { ciphertext, artifactHash } of sealed[i]) {
      const bytes = await airlock.open(contentKey, ciphertext);
      opened.push({
        pairing: i, hash: await airlock.artifactHash(bytes), fits: await airlock.checkHash(bytes, artifactHash),
        approve: await airlock.sign(signer, { artifactHash, decision: "approve", opened: bytes }),
        reject: await airlock.sign(signer, { artifactHash, decision: "reject" }),
        shown: airlock.rows(bytes), short: airlock.rows(bytes, 40), actions: airlock.requestedActions(bytes),
      });
    }
  }
  const names = pairings.map(({ signer }) => [signer.signerKeyId, signer.publicKey]);
  const fingerprints = await Promise.all(pairings.map(({ signer }) => airlock.fingerprint(signer.publicKey)));
  const standing = await Promise.all(policies.map((policy) => airlock.signPolicy(pairings[0].signer, policy)));
  return { opened, names, fingerprints, standing };
}
