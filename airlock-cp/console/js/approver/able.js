// @ts-check
// Whether this browser can be an approver, told plainly where it cannot.
import { el, notice } from "./dom.js";

/** What is missing, as a notice; null where nothing is. */
export async function lacking() {
  if (!isSecureContext || !globalThis.crypto?.subtle) {
    return notice(
      "warn",
      "This page needs https.",
      el("p", {}, "Browsers give cryptography only to pages that came over a connection nobody can change: https, or http on localhost. " +
        "Open the console by its https address, or use airlock-approve in a terminal."),
    );
  }
  const missing = [];
  for (const name of ["Ed25519", "X25519"]) {
    const uses = /** @type {KeyUsage[]} */ (name === "Ed25519" ? ["sign", "verify"] : ["deriveBits"]);
    try {
      await crypto.subtle.generateKey({ name }, false, uses);
    } catch {
      missing.push(name);
    }
  }
  if (missing.length) {
    return notice(
      "warn",
      `This browser lacks ${missing.join(" and ")}.`,
      el("p", {}, "It cannot sign your answers or open what is asked. Current versions of Chrome, Edge, Firefox and Safari can; update this one " +
        "or take another. airlock-approve does the same in a terminal."),
    );
  }
  if (!globalThis.indexedDB) return notice("warn", "This browser keeps nothing.", el("p", {}, "Keys live in IndexedDB, which is turned off here."));
  return null;
}
