// @ts-check
// What this browser keeps for one person in one organization: the key that signs, and for each pairing the key that opens. In IndexedDB,
// as CryptoKeys that no script can read out. Nothing that was decrypted is ever kept.
import { answerPairing, fingerprint, generateSigner } from "../approver-crypto.js";

/** @typedef {import("../approver-crypto.js").Signer} Signer */
/** @typedef {{nonce: string, contentKey: CryptoKey, enforcerId: string, label: string, workspace: string, appName: string, pairedAt: string}} Paired */

const SIGNER = "signer";
const PAIRINGS = "pairings";

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault();
      reject(request.error);
    };
  });
}

export class Keys {
  /** @param {IDBDatabase} base */
  constructor(base) {
    this.base = base;
  }

  /**
   * The keys of one person in one organization; people who share a browser share no keys.
   * @param {string} user
   * @param {string} org
   */
  static async open(user, org) {
    const opening = indexedDB.open(`airlock-approver ${user} ${org}`, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(SIGNER);
      opening.result.createObjectStore(PAIRINGS, { keyPath: "nonce" });
    };
    const base = await done(opening);
    base.onversionchange = () => base.close();
    return new Keys(base);
  }

  /** The key that signs, if there is one. @returns {Promise<Signer | undefined>} */
  signer() {
    return done(this.#store(SIGNER, "readonly").get(SIGNER));
  }

  /** The key that signs; made now if there is none. Of two tabs that make one, the first wins. */
  async ensureSigner() {
    const known = await this.signer();
    if (known) return known;
    const made = await generateSigner();
    try {
      await done(this.#store(SIGNER, "readwrite").add(made, SIGNER));
      // Browsers clear away what was not used for a while unless they were asked not to.
      await navigator.storage?.persist?.();
      return made;
    } catch {
      const other = await this.signer();
      if (!other) throw new Error("the browser does not keep keys");
      return other;
    }
  }

  /** The fingerprint that people compare, if there is a key. */
  async fingerprint() {
    const signer = await this.signer();
    return signer ? fingerprint(signer.publicKey) : null;
  }

  /** @returns {Promise<Paired[]>} */
  pairings() {
    return done(this.#store(PAIRINGS, "readonly").getAll());
  }
  /** @param {string | undefined} nonce @returns {Promise<Paired | undefined>} */
  async pairing(nonce) {
    return nonce ? done(this.#store(PAIRINGS, "readonly").get(nonce)) : undefined;
  }
  /** @param {string} nonce */
  async forget(nonce) {
    await done(this.#store(PAIRINGS, "readwrite").delete(nonce));
  }
  /** Forgets everything: for a key that was taken back. */
  async clear() {
    await done(this.#store(PAIRINGS, "readwrite").clear());
    await done(this.#store(SIGNER, "readwrite").clear());
  }

  /**
   * Answers who wants to pair. The key is kept before the answer is sent: once the agent has it, requests come that only this key opens.
   * @param {any} invitation what the gateway said of the code
   * @param {Date} now
   */
  async answer(invitation, now) {
    const signer = await this.ensureSigner();
    const { responseJson, contentKey } = await answerPairing(signer, invitation, now);
    const text = (/** @type {unknown} */ said) => (typeof said === "string" ? said : "");
    await done(
      this.#store(PAIRINGS, "readwrite").put({
        nonce: invitation.pairingNonce,
        contentKey,
        enforcerId: text(invitation.enforcerId),
        label: text(invitation.enforcerLabel),
        workspace: text(invitation.workspaceName),
        appName: text(invitation.appName),
        pairedAt: now.toISOString(),
      }),
    );
    return { signer, responseJson };
  }

  /**
   * @param {string} name
   * @param {IDBTransactionMode} mode
   */
  #store(name, mode) {
    return this.base.transaction(name, mode).objectStore(name);
  }
}
