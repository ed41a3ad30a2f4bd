// @ts-check
// Which registered apps may ask in one's name. No app is allowed by anything but a press of its button.
import { ApiError } from "./api.js";
import { button, el, empty, facts, fill, notice, put } from "./dom.js";
import { twice } from "./devices.js";
import { name, when } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

/** @type {Record<string, [string, string]>} */
const STATES = { allowed: ["may ask", "good"], pending: ["wants to ask", "warn"], denied: ["may not ask", "bad"], revoked: ["may not ask any more", "bad"] };

/**
 * @param {Ground} ground
 * @param {HTMLElement | null} [done]
 */
export async function apps(ground, done = null) {
  const all = (await ground.api.get("/consents")).items;
  // What waits for an answer stands first.
  const rank = (/** @type {any} */ one) => (state(one) === "pending" ? 0 : 1);
  all.sort((/** @type {any} */ one, /** @type {any} */ other) => rank(one) - rank(other));
  const list = el("ul", { class: "things" });
  for (const one of all) put(list, entry(ground, one));
  const none = empty(
    "No app asked yet.",
    el("p", {}, "When a registered app first asks for you, it waits here for your permission. Agents that use your token or sign-in alone need none."),
  );
  fill(ground.root, done, el("section", { class: "card", "aria-labelledby": "apps-h" }, el("h2", { id: "apps-h" }, "Apps"), all.length ? list : none));
  done?.focus();
}

/** @param {any} one */
const state = (one) => String(one.state ?? "").toLowerCase();

/**
 * @param {Ground} ground
 * @param {any} one
 */
function entry(ground, one) {
  const [word, kind] = STATES[state(one)] ?? [name(one.state, 30).textContent, ""];
  const said = el("div", {});
  const say = async (/** @type {string} */ act, /** @type {string} */ text) => {
    await ground.api.post(`/consents/${encodeURIComponent(one.appId)}/${act}`);
    await apps(ground, el("div", { class: "notice ok", role: "status", tabindex: "-1" }, text));
  };
  const tried = (/** @type {string} */ act, /** @type {string} */ text) => async () => {
    try {
      await say(act, text);
    } catch (error) {
      fill(said, notice("bad", "It was not done.", el("p", {}, error instanceof ApiError ? error.message : "Try again.")));
    }
  };
  const called = name(one.appName || one.appId, 60).textContent;
  const allow = button("small main", "Allow", tried("allow", `${called} may ask you.`));
  const deny = button("small danger", "Deny", tried("deny", `${called} may not ask you.`));
  const revoke = twice("Take permission back", "Yes, take it back", "What waits through this app ends.", () => say("revoke", `${called} may not ask you any more.`));
  return el(
    "li",
    { class: "thing" },
    el("div", { class: "card-head" }, el("h3", {}, name(one.appName || one.appId)), el("span", { class: `badge ${kind}` }, word)),
    facts(["App id", el("code", {}, name(one.appId))], ["Asked", when(one.askedAt)], one.decidedAt && ["You answered", when(one.decidedAt)]),
    said,
    state(one) === "allowed" ? revoke : el("div", { class: "buttons" }, allow, state(one) === "pending" ? deny : null),
  );
}
