// @ts-check
// Who may ask, and which keys answer. Ending either is asked twice and done once the server said so.
import { ApiError } from "./api.js";
import { button, el, empty, facts, fill, notice, put } from "./dom.js";
import { isRevoked, revoked } from "./pair.js";
import { agent, name, when } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

const PRESENCE_EVERY_MS = 15_000;

/** @param {Ground} ground */
export async function devices(ground) {
  const said = el("div", {});
  const agents = el("section", { class: "card", "aria-labelledby": "agents-h" });
  const keys = el("section", { class: "card", "aria-labelledby": "keys-h" });
  fill(ground.root, said, agents, keys);
  const draw = async (/** @type {HTMLElement | null} */ done = null) => {
    await Promise.all([drawAgents(ground, agents, draw), drawKeys(ground, keys, draw)]);
    fill(said, done, (await isRevoked(ground)) ? revoked(ground) : null);
    /** @type {HTMLElement | null} */ (done)?.focus();
  };
  await draw();
  setInterval(() => presence(ground), PRESENCE_EVERY_MS);
}

/**
 * @param {Ground} ground
 * @param {HTMLElement} into
 * @param {(done: HTMLElement) => Promise<void>} draw
 */
async function drawAgents(ground, into, draw) {
  const all = (await ground.api.get("/pairings")).items.filter((/** @type {any} */ one) => one.isApprover && one.state === "Completed");
  const here = new Map((await ground.keys.pairings()).map((one) => [one.nonce, one]));
  const list = el("ul", { class: "things" });
  for (const one of all) {
    const paired = here.get(one.pairingNonce);
    const end = twice("End pairing", "Yes, end it", "What this agent asks cannot reach you any more, and what waits of it ends.", async () => {
      await ground.api.post("/pairings/revoke", { pairingNonce: one.pairingNonce });
      await ground.keys.forget(one.pairingNonce);
      await draw(done(`${agent(one)} is not paired any more.`));
    });
    put(
      list,
      el(
        "li",
        { class: "thing" },
        el("div", { class: "card-head" }, el("h3", {}, name(agent(one))), el("span", { class: "badge", "data-state": `presence ${one.enforcerId ?? ""}` }, "offline")),
        facts(
          ["Agent", name(one.enforcerId ?? "")],
          one.workspaceName && ["Workspace", name(one.workspaceName)],
          ["Paired", when(one.completedAt)],
          ["Key", paired ? "in this browser" : "not in this browser: another device answers it"],
        ),
        end,
      ),
    );
  }
  const pair = el("a", { class: all.length ? "button small" : "button main", href: "/approvals/pair" }, "Pair an agent");
  const none = empty("No agent is paired.", el("p", {}, "An agent, an extension or a script can ask you once you paired it."), pair);
  fill(into, el("div", { class: "card-head" }, el("h2", { id: "agents-h" }, "Agents"), all.length ? pair : null), all.length ? list : none);
  await presence(ground);
}

/**
 * Says which agents live. It decides nothing.
 * @param {Ground} ground
 */
async function presence(ground) {
  const told = await ground.api.get("/enforcers").catch(() => null);
  if (!told) return;
  const online = new Set(told.items.filter((/** @type {any} */ one) => one.status === "online").map((/** @type {any} */ one) => one.enforcerDeviceId));
  for (const badge of document.querySelectorAll("[data-state^='presence ']")) {
    const lives = online.has(badge.getAttribute("data-state")?.slice("presence ".length));
    badge.textContent = lives ? "online" : "offline";
    badge.className = lives ? "badge good" : "badge";
  }
}

/**
 * @param {Ground} ground
 * @param {HTMLElement} into
 * @param {(done: HTMLElement) => Promise<void>} draw
 */
async function drawKeys(ground, into, draw) {
  const all = (await ground.api.get("/devices")).items;
  const own = await ground.keys.signer();
  const print = await ground.keys.fingerprint();
  const list = el("ul", { class: "things" });
  for (const one of all) {
    const isOwn = one.signerKeyId === own?.signerKeyId;
    const badge = one.revokedAt ? el("span", { class: "badge bad" }, "taken back") : isOwn ? el("span", { class: "badge accent" }, "this browser") : null;
    const end = twice("Take back", "Yes, take it back", "The pairings that were made with it end, and what waits on them.", async () => {
      const ended = await ground.api.remove(`/devices/${encodeURIComponent(one.signerKeyId)}`);
      await draw(done(`The key is taken back. ${ended.pairingsRevoked === 1 ? "One pairing" : `${ended.pairingsRevoked} pairings`} ended with it.`));
    });
    put(
      list,
      el(
        "li",
        { class: "thing" },
        el("div", { class: "card-head" }, el("h3", {}, name(one.label || one.deviceId)), badge),
        facts(["Fingerprint", el("code", {}, name(one.fingerprint ?? ""))], ["Since", when(one.createdAt)], one.revokedAt && ["Taken back", when(one.revokedAt)]),
        one.revokedAt ? null : end,
      ),
    );
  }
  const none = empty("No key answers for you yet.", el("p", {}, "This browser makes one when you pair the first agent. It cannot be copied out of the browser."));
  const lost = own || !all.some((/** @type {any} */ one) => !one.revokedAt)
    ? null
    : notice("warn", "This browser has no key.", el("p", {}, "Its data was cleared, or it never had one. Pair your agents with it anew, and take back the key of a browser or phone that you lost."));
  fill(
    into,
    el("h2", { id: "keys-h" }, "Keys that answer for you"),
    el("p", { class: "soft" }, "Take back the key of a device that you lost. Signing out does not remove keys; clearing the browser’s data does."),
    lost,
    print && !all.some((/** @type {any} */ one) => one.signerKeyId === own?.signerKeyId) ? facts(["This browser’s fingerprint", el("code", {}, print)]) : null,
    all.length ? list : none,
  );
}

/** @param {string} text */
const done = (text) => el("div", { class: "notice ok", role: "status", tabindex: "-1" }, name(text, 200));

/**
 * A button that asks once more before it acts.
 * @param {string} first
 * @param {string} second
 * @param {string} what what will happen
 * @param {() => Promise<void>} act
 */
export function twice(first, second, what, act) {
  const around = el("div", { class: "twice" });
  const ask = () => {
    const no = button("small", "No", rest);
    const yes = button("small danger", second, async () => {
      try {
        await act();
      } catch (error) {
        rest();
        around.prepend(notice("bad", "It was not done.", error instanceof ApiError ? error.message : "Try again."));
      }
    });
    fill(around, el("p", { class: "small" }, what), el("div", { class: "buttons" }, yes, no));
    no.focus();
  };
  const rest = () => {
    const begin = button("small danger", first, ask);
    fill(around, begin);
  };
  rest();
  return around;
}
