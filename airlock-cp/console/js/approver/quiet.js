// @ts-check
// Answers in advance: one agent, one workspace, for a while. Signed here; an enforcer believes no other.
import { newNonce, signPolicy } from "../approver-crypto.js";
import { button, el, empty, facts, fill, notice, put } from "./dom.js";
import { twice } from "./devices.js";
import { agent, countDown, name } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const WORDS_MAX = 32;

/** @param {Ground} ground */
export async function quiet(ground) {
  const said = el("div", {});
  const stands = el("section", { class: "card", "aria-labelledby": "stands-h" });
  const form = el("section", { class: "card", "aria-labelledby": "set-h" });
  fill(ground.root, said, stands, form);
  const draw = async (/** @type {HTMLElement | null} */ done = null) => {
    await drawStanding(ground, stands, draw);
    fill(said, done);
    done?.focus();
  };
  await Promise.all([draw(), drawForm(ground, form, draw)]);
}

/**
 * @param {Ground} ground
 * @param {HTMLElement} into
 * @param {(done: HTMLElement) => Promise<void>} draw
 */
async function drawStanding(ground, into, draw) {
  const all = (await ground.api.get("/policies")).items.filter((/** @type {any} */ one) => Date.parse(one.expiresAt) > ground.api.now().getTime());
  const labels = new Map((await ground.api.get("/pairings")).items.map((/** @type {any} */ one) => [one.enforcerId, agent(one)]));
  const list = el("ul", { class: "things" });
  for (const one of all) {
    const yes = one.policyMode === "approve_all";
    const time = el("span", { class: "badge" });
    countDown(time, one.expiresAt, () => ground.api.now(), () => draw(done("An answer in advance is over.")));
    const prefix = one.actionSelector?.argvPrefix ?? (one.actionSelector?.commandFamily ? [one.actionSelector.commandFamily] : null);
    const what = Array.isArray(prefix) ? el("span", {}, "commands that begin with ", el("code", {}, name(prefix.join(" "), 200))) : "everything";
    const end = twice("Turn off", "Yes, turn it off", "From then on you are asked again. Agents notice within seconds.", async () => {
      await ground.api.remove(`/policies/${encodeURIComponent(one.requestId)}`);
      await draw(done("Turned off. You are asked again."));
    });
    const item = el(
      "li",
      { class: "thing" },
      el("div", { class: "card-head" }, el("h3", {}, yes ? "Approve " : "Reject ", what), el("div", { class: "badges" }, el("span", { class: yes ? "badge warn" : "badge" }, yes ? "says yes" : "says no"), time)),
      facts(["Agent", name(labels.get(one.enforcerId) ?? one.enforcerId)], ["Workspace", name(one.workspaceId)], one.targetArtifactType && ["Type", name(one.targetArtifactType)]),
      end,
    );
    put(list, item);
  }
  const none = empty("You are asked about everything.", el("p", {}, "Below you can let an agent work undisturbed for a while, or have peace from it."));
  fill(into, el("h2", { id: "stands-h" }, "Answers in advance"), all.length ? list : none);
}

/**
 * @param {Ground} ground
 * @param {HTMLElement} into
 * @param {(done: HTMLElement) => Promise<void>} draw
 */
async function drawForm(ground, into, draw) {
  const all = (await ground.api.get("/pairings")).items;
  const here = new Set((await ground.keys.pairings()).map((one) => one.nonce));
  const mine = all.filter((/** @type {any} */ one) => one.state === "Completed" && one.enforcerId && here.has(one.pairingNonce));
  const heading = el("h2", { id: "set-h" }, "Add one");
  if (!mine.length) {
    const text = "An answer in advance is signed with the key that the agent knows, and no agent is paired with this browser.";
    return fill(into, heading, empty("Pair an agent first.", el("p", {}, text), el("a", { class: "button main", href: "/approvals/pair" }, "Pair an agent")));
  }
  const select = (/** @type {string} */ id, /** @type {HTMLOptionElement[]} */ options) => {
    const made = /** @type {HTMLSelectElement} */ (el("select", { id }));
    made.append(...options);
    return made;
  };
  const option = (/** @type {string} */ value, /** @type {string} */ text) => /** @type {HTMLOptionElement} */ (el("option", { value }, text));
  const who = select("who", mine.map((/** @type {any} */ one, /** @type {number} */ at) => option(String(at), `${name(agent(one), 40).textContent}${one.workspaceName ? ` in ${name(one.workspaceName, 40).textContent}` : ""}`)));
  const how = select("how", [option("deny_all", "Reject: I am not available"), option("approve_all", "Approve: go on without me")]);
  const long = select("long", [option("15", "15 minutes"), option("60", "1 hour"), option("240", "4 hours"), option("tomorrow", "until tomorrow, 8:00")]);
  const prefix = /** @type {HTMLInputElement} */ (el("input", { id: "prefix", maxlength: "200", autocomplete: "off", autocapitalize: "off", spellcheck: "false", class: "mono" }));
  const workspace = /** @type {HTMLInputElement} */ (el("input", { id: "workspace", maxlength: "200", autocomplete: "off", autocapitalize: "off", spellcheck: "false" }));
  const chosen = () => mine[Number(who.value)];
  const fits = () => {
    workspace.value = chosen().workspaceName || chosen().enforcerId;
  };
  who.addEventListener("change", fits);
  fits();
  const said = el("div", {});
  const warning = el("div", { "aria-live": "polite" });
  const go = button("main", "Sign and turn on", async () => {
    try {
      await set(ground, chosen(), { mode: how.value, long: long.value, words: prefix.value.split(/\s+/).filter(Boolean), workspace: workspace.value.trim() });
    } catch (error) {
      return fill(said, notice("bad", "It is not on.", el("p", {}, error instanceof Error ? error.message : "Try again.")));
    }
    fill(said);
    await draw(done(how.value === "approve_all" ? "On: it is approved without you." : "On: it is rejected without you."));
  });
  const look = () => {
    const what = prefix.value.trim() ? "commands that begin so" : "everything that this agent asks there";
    const yes = how.value === "approve_all";
    fill(warning, yes ? notice("warn", "Nobody looks.", el("p", {}, `Until it ends, ${what} is done without anybody reading it.`)) : null);
  };
  how.addEventListener("change", look);
  prefix.addEventListener("input", look);
  const field = (/** @type {string} */ id, /** @type {string} */ label, /** @type {HTMLElement} */ input, /** @type {string} */ hint = "") =>
    el("div", { class: "field" }, el("label", { for: id }, label), input, hint ? el("p", { class: "hint" }, hint) : null);
  const more = el("details", { class: "more" }, el("summary", {}, "The workspace’s name"), field("workspace", "Workspace, as the agent names it", workspace, "Some agents use a folder or their own id here."));
  fill(
    into,
    heading,
    el("div", { class: "form" }, field("who", "Agent", who), field("how", "Answer", how), field("long", "For", long), field("prefix", "Only commands that begin with (optional)", prefix, "For example: git status"), more, warning, said, go),
  );
}

/**
 * @param {Ground} ground
 * @param {any} pairing
 * @param {{mode: string, long: string, words: string[], workspace: string}} wish
 */
async function set(ground, pairing, { mode, long, words, workspace }) {
  const signer = await ground.keys.signer();
  if (!signer) throw new Error("This browser has no key that signs.");
  if (!workspace) throw new Error("Say which workspace.");
  if (words.length > WORDS_MAX) throw new Error(`At most ${WORDS_MAX} words.`);
  const now = ground.api.now();
  const policy = {
    requestId: `dnd-${crypto.randomUUID()}`,
    objectType: words.length ? "airlock.dnd.action" : "airlock.dnd.workspace",
    workspaceId: workspace,
    enforcerId: pairing.enforcerId,
    policyMode: mode,
    ...(words.length ? { actionSelector: { argvPrefix: words } } : {}),
    createdAt: now.toISOString(),
    expiresAt: end(now, long).toISOString(),
    signerKeyId: signer.signerKeyId,
    nonce: newNonce(),
  };
  await ground.api.post("/policies", await signPolicy(signer, policy));
}

/**
 * @param {Date} now
 * @param {string} long
 */
function end(now, long) {
  if (long !== "tomorrow") return new Date(now.getTime() + Number(long) * MINUTE);
  const morning = new Date(now);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(8, 0, 0, 0);
  // No answer stands longer than a day.
  return new Date(Math.min(morning.getTime(), now.getTime() + DAY));
}

/** @param {string} text */
const done = (text) => el("div", { class: "notice ok", role: "status", tabindex: "-1" }, text);
