// @ts-check
// One request: who asks, and what exactly. The answer to it is beside, in answer.js.
import { Answer } from "./answer.js";
import { button, el, facts, notice, put } from "./dom.js";
import { opened, payload, whyNot } from "./payload.js";
import { agent, countDown, name, when } from "./words.js";

/**
 * @typedef {import("./page.js").Ground} Ground
 * @typedef {{element: HTMLElement, ended: (kind: string, verdict?: string) => void, stop: () => void}} Shown
 */

/**
 * Shows a request that waits. `back` leads to the list; `next`, if there is one, to another request.
 * @param {Ground} ground
 * @param {any} item
 * @param {{back: () => void, after: () => void, next: () => (() => void) | null}} ways
 * @returns {Promise<Shown>}
 */
export async function request(ground, item, ways) {
  const paired = await ground.keys.pairing(item.body.pairingNonce);
  const heading = el("h2", { tabindex: "-1", id: "request" }, name(agent(paired ?? item.body), 48), " asks");
  const time = el("span", { class: "badge" });
  const answer = el("div", { class: "answer" });
  const element = el("section", { class: "card request", "aria-labelledby": "request" });
  const view = new Answer(ground, item, answer, ways);
  const stop = countDown(time, item.expiresAt, () => ground.api.now(), () => view.ended("exchange.expired"));
  view.stop = () => {
    stop();
    time.hidden = true;
  };
  put(
    element,
    button("small back", "← Inbox", ways.back),
    el("div", { class: "card-head" }, heading, el("div", { class: "badges" }, time)),
    paired ? known(paired) : null,
  );
  const asked = el("div", { class: "stack" });
  put(element, asked, unverified(item), answer);
  await open(item, paired, view, asked, element.querySelector(".badges"));
  return { element, ended: (kind, verdict) => view.ended(kind, verdict), stop };
}

/** @param {import("./keys.js").Paired} paired */
function known(paired) {
  const at = el("span", {}, "paired ", when(paired.pairedAt));
  return el("p", { class: "soft who" }, paired.workspace ? el("span", {}, "works in ", el("strong", {}, name(paired.workspace)), ", ") : null, at);
}

/**
 * What stands beside the sealed part, which nobody signed.
 * @param {any} item
 */
function unverified(item) {
  const body = item.body;
  const more = Object.entries(body.metadata ?? {}).map(([key, value]) => /** @type {[string, HTMLElement]} */ ([name(key, 60).textContent ?? "", name(value, 400)]));
  return el(
    "details",
    { class: "more beside" },
    el("summary", {}, "Said beside it, verified by nobody"),
    facts(
      ["Type", name(body.artifactType)],
      ["Agent", name(body.enforcerId)],
      body.enforcerLabel && ["Label", name(body.enforcerLabel)],
      body.appName && ["App", name(body.appName)],
      ...more,
      ["Asked", when(item.createdAt)],
      ["Request", name(item.requestId, 140)],
      ["Hash that is signed", el("code", {}, name(body.artifactHash, 260))],
    ),
  );
}

/**
 * @param {any} item
 * @param {import("./keys.js").Paired | undefined} paired
 * @param {Answer} view
 * @param {HTMLElement} into
 * @param {Element | null} badges
 */
async function open(item, paired, view, into, badges) {
  if (!paired) {
    const why = "It belongs to another device of yours, or to this browser before its data was cleared. Answer it there, or pair the agent with " +
      "this browser anew: then it can ask again.";
    put(into, notice("warn", "This browser has no key for this request.", el("p", {}, why), el("p", {}, el("a", { href: "/approvals/pair" }, "Pair the agent again"))));
    return view.closed(null);
  }
  if (!item.body.ciphertext) {
    put(into, notice("warn", "The server no longer holds what was asked."));
    return view.closed(paired);
  }
  let found;
  try {
    found = await opened(item, paired);
  } catch (error) {
    put(into, notice("bad", "The request cannot be opened.", el("p", {}, `${whyNot(error)}. It can still be rejected.`)));
    return view.closed(paired);
  }
  const badge = found.verified ? el("span", { class: "badge good" }, "hash verified") : el("span", { class: "badge warn" }, "not verifiable");
  badges?.append(badge);
  if (!found.verified) {
    const why = "The hash that your answer names is not that of what you see. Some programs name hashes of their own making; a server that lies " +
      "looks the same. A yes would be about something that nobody can tell.";
    put(into, notice("warn", "Not verifiable.", el("p", {}, why)));
  }
  put(into, el("h3", {}, "What is asked"), payload(found.bytes, (leftOut) => view.sees(leftOut)));
  view.ready(found);
}
