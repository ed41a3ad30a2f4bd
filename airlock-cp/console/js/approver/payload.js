// @ts-check
// What an agent asks, opened in memory and shown as inert text. Nothing of it is stored, logged or put into an address.
import { ApproverError, checkHash, open, requestedActions, rows } from "../approver-crypto.js";
import { button, el, fill } from "./dom.js";

/** Characters that are shown at once, and after somebody wanted to see all. */
const SHOWN_MAX = 4_000;
const ALL_MAX = 4 * 1024 * 1024;
/** More spaces, empty lines or marks above one letter in a row are counted instead: what follows would be out of sight. */
const SPACES_MAX = 40;
const LINES_MAX = 4;
const MARKS_MAX = 8;

/** @typedef {{bytes: Uint8Array, verified: boolean}} Opened */

/**
 * Opens a request with the key of its pairing. Throws an ApproverError that says why not.
 * @param {any} item
 * @param {import("./keys.js").Paired} paired
 * @returns {Promise<Opened>}
 */
export async function opened(item, paired) {
  const bytes = await open(paired.contentKey, item.body.ciphertext);
  return { bytes, verified: await checkHash(bytes, item.body.artifactHash) };
}

/** @param {unknown} error */
export function whyNot(error) {
  return error instanceof ApproverError ? error.message : "it could not be opened";
}

const APPROVE = { id: "approve", caption: "", decision: "approve", style: "primary" };
const REJECT = { id: "reject", caption: "", decision: "reject", style: "danger" };

/**
 * The answers: those that the agent asks for by the rules, else two. A no is always among them.
 * @param {Uint8Array} bytes
 */
export function actions(bytes) {
  const asked = requestedActions(bytes) ?? [APPROVE, REJECT];
  return asked.some((one) => one.decision === "reject") ? asked : [...asked, REJECT];
}

/**
 * The rows. `seen` is told how many characters are not on the page.
 * @param {Uint8Array} bytes
 * @param {(leftOut: number) => void} seen
 */
export function payload(bytes, seen) {
  const around = el("div", { class: "payload" });
  const show = (/** @type {number} */ charsMax) => {
    const shown = rows(bytes, charsMax);
    // Of rows that were cut away whole nothing is left.
    const isLeft = (/** @type {{name: string, lines: string[]}} */ row) => !shown.leftOut || row.name !== "" || row.lines.some((line) => line !== "");
    const kept = shown.rows.filter(isLeft);
    const list = el("dl", { class: "asked" });
    for (const row of kept) {
      const named = row.name ? line(row.name) : [kept.length === 1 && !shown.leftOut ? "Text" : gap("no name")];
      list.append(el("div", { class: "row" }, el("dt", { dir: "ltr" }, ...named), value(row.lines)));
    }
    fill(around, kept.length ? list : el("p", { class: "soft" }, "Nothing stands in it."));
    if (shown.leftOut) {
      const more = charsMax < ALL_MAX && button("small", "Show all of it", () => {
        show(ALL_MAX);
        // The button is gone; who reads by keyboard goes on at the beginning.
        const all = around.querySelector("dl");
        all?.setAttribute("tabindex", "-1");
        all?.focus();
      });
      const rest = shown.rows.length > kept.length ? `, of ${count(shown.rows.length - kept.length, "row")} nothing` : "";
      around.append(el("div", { class: "notice warn cut" }, el("strong", {}, `${count(shown.leftOut, "character")} not shown${rest}.`), more));
    }
    seen(shown.leftOut);
  };
  show(SHOWN_MAX);
  return around;
}

/**
 * A value in its box: a line break in it stays there, so no line passes for another row.
 * @param {string[]} lines
 */
function value(lines) {
  const box = el("dd", { dir: "ltr" });
  if (lines.every((line) => line === "")) {
    box.append(gap(lines.length === 1 ? "empty" : `${lines.length.toLocaleString("en")} empty lines`));
    return box;
  }
  const isBlank = (/** @type {string} */ line) => /^ *$/.test(line);
  for (let at = 0; at < lines.length; at++) {
    let end = at;
    while (end < lines.length && isBlank(lines[end])) end++;
    if (end - at > LINES_MAX) {
      box.append(at ? "\n" : "", gap(`${(end - at).toLocaleString("en")} empty lines`));
      at = end - 1;
      continue;
    }
    box.append(at ? "\n" : "", ...line(lines[at]));
  }
  return box;
}

/**
 * @param {string} text
 * @returns {(string | Node)[]}
 */
function line(text) {
  const parts = text.split(new RegExp(`( {${SPACES_MAX + 1},}|\\p{M}{${MARKS_MAX + 1},})`, "u"));
  const counted = (/** @type {string} */ run) => (run[0] === " " ? count(run.length, "space") : count([...run].length, "combining mark"));
  return parts.map((part, at) => (at % 2 ? gap(counted(part)) : part));
}

/**
 * Words of ours within a value. Text of others never looks like this.
 * @param {string} text
 */
const gap = (text) => el("span", { class: "gap" }, text);

/**
 * @param {number} n
 * @param {string} what
 */
const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
