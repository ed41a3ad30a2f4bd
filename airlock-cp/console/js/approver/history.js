// @ts-check
// What was asked, and what became of it.
import { ApiError } from "./api.js";
import { button, el, empty, facts, fill, notice, put } from "./dom.js";
import { opened, payload, whyNot } from "./payload.js";
import { agent, name, when } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

const PAGE = 50;

/** @param {Ground} ground */
export async function past(ground) {
  const list = el("ul", { class: "things" });
  const more = el("div", { class: "buttons" });
  const card = el("section", { class: "card", "aria-labelledby": "past-h" }, el("h2", { id: "past-h" }, "Requests"), list, more);
  fill(ground.root, card);
  /** @param {string | null} cursor @returns {Promise<void>} */
  const load = async (cursor) => {
    let page;
    try {
      page = await ground.api.get(`/history?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    } catch (error) {
      return fill(more, notice("bad", "It could not be read.", error instanceof ApiError ? error.message : ""), button("", "Try again", () => load(cursor)));
    }
    const first = list.childElementCount;
    for (const item of page.items) put(list, entry(ground, item));
    fill(more, page.next_cursor ? button("", "Show older ones", () => load(page.next_cursor)) : null);
    if (first) /** @type {HTMLElement | null} */ (list.children[first]?.querySelector("summary"))?.focus();
    if (!list.childElementCount) list.replaceWith(empty("Nothing was asked yet.", el("p", {}, "What you decide, and what ends without you, is listed here.")));
  };
  await load(null);
}

/** @param {any} item @returns {[string, string]} */
function outcome(item) {
  const verdict = item.decision?.decision ?? item.standing;
  if (verdict === "approve") return [item.standing ? "approved in advance" : "approved", "good"];
  if (verdict === "reject") return [item.standing ? "rejected in advance" : "rejected", "bad"];
  const ends = /** @type {Record<string, [string, string]>} */ ({ Expired: ["expired", "warn"], Withdrawn: ["withdrawn", ""], Cancelled: ["cancelled", ""], PendingApproval: ["put aside, still waits", "warn"] });
  return ends[item.body.state] ?? [String(item.body.state), ""];
}

/**
 * @param {Ground} ground
 * @param {any} item
 */
function entry(ground, item) {
  const [word, kind] = outcome(item);
  const inside = el("div", { class: "stack" });
  const details = /** @type {HTMLDetailsElement} */ (el("details", { class: "more" }, el("summary", {}, "What was asked"), inside));
  details.addEventListener("toggle", async () => {
    // Shown while it is open, and no longer.
    if (!details.open) return fill(inside);
    await show(ground, item, inside);
  });
  const body = item.body;
  const decision = item.decision;
  return el(
    "li",
    { class: "thing" },
    el("div", { class: "card-head" }, el("h3", {}, name(agent(body), 60)), el("span", { class: `badge ${kind}` }, word)),
    facts(
      ["Asked", when(item.createdAt)],
      body.metadata?.requestLabel && ["Label", name(body.metadata.requestLabel)],
      body.appName && ["App", name(body.appName)],
      decision?.reason && ["Reason", name(decision.reason, 400)],
      decision?.signerKeyId && ["Signed with", el("code", {}, name(decision.signerKeyId))],
    ),
    details,
  );
}

/**
 * @param {Ground} ground
 * @param {any} item
 * @param {HTMLElement} into
 */
async function show(ground, item, into) {
  const paired = await ground.keys.pairing(item.body.pairingNonce);
  if (!paired) return fill(into, notice("warn", "This browser has no key for it."));
  if (!item.body.ciphertext) return fill(into, notice("warn", "The server no longer holds what was asked."));
  try {
    const found = await opened(item, paired);
    const badge = found.verified ? el("span", { class: "badge good" }, "hash verified") : el("span", { class: "badge warn" }, "not verifiable");
    fill(into, el("p", {}, badge), payload(found.bytes, () => {}));
  } catch (error) {
    fill(into, notice("bad", "It cannot be opened.", error instanceof ApiError ? error.message : `${whyNot(error)}.`));
  }
}
