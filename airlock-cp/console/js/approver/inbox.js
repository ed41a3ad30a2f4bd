// @ts-check
// The inbox: what waits, live; one request at a time opened in its place.
import { ApiError } from "./api.js";
import { el, empty, fill, notice, say } from "./dom.js";
import { listen } from "./live.js";
import { request } from "./request.js";
import { agent, countDown, name } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

const TITLE = document.title;

/** @param {Ground} ground */
export async function inbox(ground) {
  await new Inbox(ground).start();
}

class Inbox {
  /** @param {Ground} ground */
  constructor(ground) {
    this.ground = ground;
    /** @type {Map<string, any>} by the message's name, newest first */
    this.waiting = new Map();
    /** @type {import("./request.js").Shown | null} */
    this.shown = null;
    this.shownId = "";
    this.opening = false;
    /** @type {Map<string, [string, string | undefined]>} how what waited ended, for a request that is being opened */
    this.ends = new Map();
    /** @type {Set<(() => void)[]>} what happened to `waiting` since each list on its way was asked for: it may be older than that */
    this.meanwhile = new Set();
    this.counts = /** @type {(() => void)[]} */ ([]);
    this.head = el("div", { class: "stack" });
    this.list = el("div", { class: "stack" });
    this.loaded = false;
  }

  async start() {
    fill(this.ground.root, this.head, this.list);
    listen(this.ground.api, {
      heard: (kind, message) => this.#heard(kind, message),
      opened: () => this.#reload(),
      refused: () => this.#reload(),
    });
    await this.#reload();
    addEventListener("popstate", () => this.#close());
  }

  async #reload() {
    /** @type {(() => void)[]} */
    const meanwhile = [];
    this.meanwhile.add(meanwhile);
    try {
      const items = await this.ground.api.all("/inbox");
      const announced = this.loaded ? items.filter((one) => !this.waiting.has(one.msgId)) : [];
      this.waiting = new Map(items.map((one) => [one.msgId, one]));
      meanwhile.forEach((change) => change());
      this.loaded = true;
      announced.forEach(announce);
      fill(this.head, await this.#hint());
    } catch (error) {
      fill(this.head, notice("bad", "The inbox could not be read.", error instanceof ApiError ? error.message : ""));
    } finally {
      this.meanwhile.delete(meanwhile);
    }
    this.#draw();
  }

  /** @param {() => void} change of `waiting`; done twice, it is done once */
  #change(change) {
    change();
    for (const one of this.meanwhile) one.push(change);
  }

  /** What a browser without keys, or whose key is not the paired one, has to know. */
  async #hint() {
    const own = (await this.ground.keys.pairings()).length;
    if (own) return null;
    const known = (await this.ground.api.get("/pairings")).items.filter((/** @type {any} */ one) => one.isApprover && one.state === "Completed");
    if (!known.length) return null;
    const text = "You paired agents with another device, or with this browser before its data was cleared. What they ask is sealed for the keys that are " +
      "there. Answer on that device, or pair the agents with this browser anew.";
    return notice("warn", "No keys are in this browser.", el("p", {}, text), el("p", {}, el("a", { class: "button small", href: "/approvals/pair" }, "Pair again")));
  }

  /**
   * @param {string} kind
   * @param {any} message
   */
  #heard(kind, message) {
    if (kind === "approval.request") {
      if (!this.waiting.has(message.msgId)) announce(message);
      this.#change(() => this.#asked(message));
    } else if (kind.startsWith("exchange.")) {
      this.#change(() => this.#ended(kind, message));
    } else if (kind === "pairing.revoked") {
      this.#reload();
    }
    this.#draw();
  }

  /** @param {any} message */
  #asked(message) {
    if (!this.waiting.has(message.msgId)) this.waiting = new Map([[message.msgId, message], ...this.waiting]);
  }

  /**
   * @param {string} kind
   * @param {any} message
   */
  #ended(kind, message) {
    // An agent's own name for it; another agent may use the same.
    for (const [id, item] of this.waiting) {
      if (item.requestId !== message.requestId || item.body.enforcerId !== message.body?.enforcerId) continue;
      this.waiting.delete(id);
      this.ends.set(id, [kind, message.body?.decision]);
      if (id === this.shownId) this.shown?.ended(kind, message.body?.decision);
    }
  }

  #draw() {
    document.title = this.waiting.size ? `(${this.waiting.size}) ${TITLE}` : TITLE;
    if (this.shown) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.key;
    this.counts.forEach((stop) => stop());
    this.counts = [];
    if (!this.loaded) return fill(this.list, el("p", { class: "soft" }, "Loading…"));
    if (!this.waiting.size) return this.#nothing();
    const list = el("ul", { class: "waiting" });
    for (const item of this.waiting.values()) list.append(el("li", {}, this.#entry(item)));
    fill(this.list, list);
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  async #nothing() {
    const own = await this.ground.keys.pairings();
    if (this.waiting.size || this.shown) return;
    const ways = own.length
      ? el("p", {}, "Leave this page open: a request appears here the moment an agent asks.")
      : el("p", {}, "An agent can ask you once it is paired with this browser.");
    const pair = own.length ? null : el("a", { class: "button main", href: "/approvals/pair" }, "Pair an agent");
    fill(this.list, empty("Nothing waits for you.", ways, pair));
  }

  /** @param {any} item */
  #entry(item) {
    const body = item.body;
    const time = el("span", { class: "badge" });
    const entry = el(
      "button",
      { type: "button", class: "choice entry", "data-key": item.msgId },
      el("span", { class: "what" }, el("strong", {}, name(agent(body), 60)), el("small", {}, ...said(body))),
      time,
    );
    entry.addEventListener("click", () => this.#show(item));
    this.counts.push(countDown(time, item.expiresAt, () => this.ground.api.now(), () => {}));
    return entry;
  }

  /** @param {any} item */
  async #show(item) {
    if (this.opening) return;
    this.opening = true;
    try {
      await this.#open(item);
    } finally {
      this.opening = false;
    }
  }

  /** @param {any} item */
  async #open(item) {
    this.counts.forEach((stop) => stop());
    const shown = await request(this.ground, item, {
      back: () => history.back(),
      after: () => {
        this.#change(() => this.waiting.delete(item.msgId));
        this.#draw();
      },
      next: () => this.#next(item),
    });
    // The address says that something is open, and not what.
    if (!this.shown) history.pushState({ open: true }, "");
    this.shown?.stop();
    [this.shown, this.shownId] = [shown, item.msgId];
    fill(this.list, shown.element);
    const end = this.ends.get(item.msgId);
    if (end) shown.ended(...end);
    /** @type {HTMLElement | null} */ (shown.element.querySelector("h2"))?.focus();
    scrollTo({ top: 0 });
  }

  /** @param {any} item */
  #next(item) {
    const other = [...this.waiting.values()].reverse().find((one) => one.msgId !== item.msgId);
    return other ? () => this.#show(other) : null;
  }

  #close() {
    if (!this.shown) return;
    const id = this.shownId;
    this.shown.stop();
    [this.shown, this.shownId] = [null, ""];
    this.#draw();
    const back = this.list.querySelector(`[data-key="${CSS.escape(id)}"]`) ?? this.list.querySelector("button, a");
    /** @type {HTMLElement | null} */ (back ?? document.getElementById("main"))?.focus();
  }
}

/** @param {any} item */
function announce(item) {
  say(`A new request from ${name(agent(item.body), 60).textContent}.`);
}

/**
 * What is said in clear of a request, in a line. It is not the request.
 * @param {any} body
 */
function said(body) {
  const { requestLabel, workspaceName } = body.metadata ?? {};
  const parts = [requestLabel, workspaceName && `in ${workspaceName}`, body.appName && `through ${body.appName}`, body.artifactType];
  const texts = parts.filter((part) => typeof part === "string" && part).slice(0, 3);
  return texts.flatMap((text, at) => (at ? [" · ", name(text, 60)] : [name(text, 60)]));
}
