// @ts-check
// The answer to a request: the buttons, what is signed and sent, what came of it. Nothing is shown as done before the server said so.
import { sign } from "../approver-crypto.js";
import { ApiError } from "./api.js";
import { button, el, fill, notice, say } from "./dom.js";
import { actions, whyNot } from "./payload.js";
import { name } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

/** A finger that was on its way to something else when the request appeared does not answer it. */
const GUARD_MS = 400;
const REASON_MAX = 1000;

export class Answer {
  /**
   * @param {Ground} ground
   * @param {any} item
   * @param {HTMLElement} into
   * @param {{back: () => void, after: () => void, next: () => (() => void) | null}} ways
   */
  constructor(ground, item, into, ways) {
    this.ground = ground;
    this.item = item;
    this.into = into;
    this.ways = ways;
    this.leftOut = 0;
    this.found = /** @type {import("./payload.js").Opened | null} */ (null);
    this.over = false;
    this.sending = false;
    // What was sent and not answered.
    this.unknown = "";
    this.stop = () => {};
    this.reason = /** @type {HTMLInputElement} */ (
      el("input", { id: "reason", type: "text", maxlength: String(REASON_MAX), autocomplete: "off", enterkeyhint: "done" })
    );
  }

  /** @param {number} leftOut */
  sees(leftOut) {
    this.leftOut = leftOut;
    if (this.found && !this.over) this.#offer();
  }

  /** @param {import("./payload.js").Opened} found */
  ready(found) {
    this.found = found;
    this.#offer();
  }

  /**
   * It cannot be read: a no may do, a yes does not.
   * @param {import("./keys.js").Paired | null} paired
   */
  closed(paired) {
    const said = el("div", {});
    const reject = paired && button("danger", "Reject", () => this.#decide("reject"));
    const again = button("small", "Have the agent ask again", () => this.#again(said));
    const dismiss = button("small", "Put it out of the inbox", () => this.#dismiss());
    const what = "Putting it out of the inbox decides nothing: the agent goes on waiting. One that asks again seals it with the key of its pairing by then.";
    fill(this.into, paired ? this.#reason() : null, el("div", { class: "buttons" }, reject, again, dismiss), said, el("p", { class: "small soft" }, what));
  }

  /** @param {HTMLElement} said */
  async #again(said) {
    try {
      await this.ground.api.post(`/inbox/${encodeURIComponent(this.item.requestId)}/refresh`, { enforcer: this.item.body.enforcerId });
      fill(said, notice("ok", "The agent was told."));
    } catch (error) {
      fill(said, notice("warn", "The agent was not told.", el("p", {}, error instanceof ApiError ? error.message : "Try again.")));
    }
  }

  #reason() {
    return el("div", { class: "field" }, el("label", { for: "reason" }, "Reason (optional; the agent and the server can read it)"), this.reason);
  }

  #offer() {
    const found = /** @type {import("./payload.js").Opened} */ (this.found);
    const seesAll = found.verified && this.leftOut === 0;
    const check = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", id: "unseen" }));
    const unseen = found.verified ? `I did not see ${this.leftOut.toLocaleString("en")} characters of it` : "I know that nobody can tell what my yes is about";
    const buttons = actions(found.bytes).map((action) => this.#button(action, () => seesAll || check.checked));
    const look = () => {
      for (const one of buttons) one.disabled = one.dataset.key === "approve" && !seesAll && !check.checked;
    };
    check.addEventListener("change", look);
    fill(
      this.into,
      this.#reason(),
      seesAll ? null : el("div", { class: "check" }, check, el("label", { for: "unseen" }, `${unseen}, and may say yes all the same.`)),
      el("div", { class: "buttons even decide" }, ...buttons),
    );
    for (const one of buttons) one.disabled = true;
    setTimeout(look, GUARD_MS);
  }

  /**
   * What the button does stands first; what the agent calls it, behind it.
   * @param {{caption: string, decision: string, style: string}} action
   * @param {() => boolean} mayApprove
   */
  #button(action, mayApprove) {
    const approves = action.decision === "approve";
    const word = approves ? "Approve" : "Reject";
    const label = action.caption ? [el("strong", {}, word), el("span", { class: "caption" }, "“", name(action.caption, 60), "”")] : word;
    const kind = approves && action.style !== "danger" ? "main" : action.style === "danger" || !approves ? "danger" : "";
    const made = button(kind, label, async () => {
      if (approves && !mayApprove()) return;
      await this.#decide(approves ? "approve" : "reject");
    });
    made.dataset.key = action.decision;
    return made;
  }

  /**
   * Signs once. What is sent again after no answer came is the same signature, which the server takes once.
   * @param {"approve" | "reject"} decision
   */
  async #decide(decision) {
    if (this.over || this.sending) return;
    const signer = await this.ground.keys.signer();
    if (!signer) return this.#failed("This browser has no key that signs.");
    const body = this.item.body;
    const opened = this.found?.bytes;
    const dangerousUnverified = decision === "approve" && this.found?.verified === false;
    let signed;
    try {
      signed = await sign(signer, { artifactHash: body.artifactHash, decision, opened, dangerousUnverified });
    } catch (error) {
      return this.#failed(whyNot(error));
    }
    const reason = this.reason.value.trim();
    const sent = {
      msgType: "decision.submit",
      requestId: this.item.requestId,
      createdAt: this.ground.api.now().toISOString(),
      sender: { approverId: "me" },
      body: reason ? { ...signed, reason } : signed,
    };
    await this.#send(sent, decision);
  }

  /**
   * @param {any} sent
   * @param {"approve" | "reject"} decision
   */
  async #send(sent, decision) {
    this.sending = true;
    fill(this.into, el("p", { class: "notice", role: "status" }, "Signing and sending…"));
    try {
      await this.ground.api.post("/decisions", sent);
      this.#done(decision);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 409) await this.#late();
      else if (error.isUnknown) this.#unknown(decision, () => this.#send(sent, decision));
      else this.#failed(error.message);
    } finally {
      this.sending = false;
    }
  }

  /** @param {"approve" | "reject"} decision */
  #done(decision) {
    this.#end();
    const word = decision === "approve" ? "Approved." : "Rejected.";
    fill(this.into, el("div", { class: "notice ok", tabindex: "-1", role: "status" }, el("strong", {}, word), "Your signed answer is with the server, and the agent gets it at once."), this.#onward());
    this.#focus();
    this.ways.after();
  }

  /** Somebody or something was first. */
  async #late() {
    const found = (await this.ground.api.get("/history?limit=100").catch(() => ({ items: [] }))).items;
    const ended = found.find((/** @type {any} */ one) => one.msgId === this.item.msgId);
    this.sending = false;
    this.ended(stateKind(ended?.body?.state), ended?.decision?.decision);
    this.ways.after();
  }

  /**
   * @param {string} decision
   * @param {() => Promise<void>} again
   */
  #unknown(decision, again) {
    this.unknown = decision;
    const text = "It may or may not have arrived. Sending it again sends the same answer, which counts once.";
    fill(this.into, notice("warn", "No answer came.", el("p", {}, text)), el("div", { class: "buttons" }, button("main", "Send it again", again)));
  }

  /** @param {string} why */
  #failed(why) {
    if (this.found) this.#offer();
    else this.closed(null);
    this.into.prepend(notice("bad", "Nothing was decided.", el("p", {}, why)));
  }

  async #dismiss() {
    try {
      await this.ground.api.remove(`/inbox/${encodeURIComponent(this.item.requestId)}`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) return this.#failed(error instanceof ApiError ? error.message : "It did not work.");
    }
    this.ways.after();
    this.ways.back();
  }

  /**
   * It ended without this page's doing.
   * @param {string} kind
   * @param {string} [verdict]
   */
  ended(kind, verdict) {
    // While an answer is on its way, what the server says to it tells.
    if (this.over || this.sending) return;
    this.#end();
    let [title, text] = ENDS[kind] ?? ENDS["exchange.cancelled"];
    if (kind === "exchange.decided" && verdict && verdict === this.unknown) text = "That is what you answered: your answer, or another like it, arrived.";
    const decided = verdict === "approve" ? "It was approved" : verdict === "reject" ? "It was rejected" : title;
    const by = this.unknown === verdict ? "" : " elsewhere";
    fill(this.into, el("div", { class: "notice warn", tabindex: "-1" }, el("strong", {}, kind === "exchange.decided" ? `${decided}${by}.` : title), text), this.#onward());
    say(kind === "exchange.decided" ? `${decided}${by}.` : title);
    this.#focus();
  }

  #end() {
    this.over = true;
    this.stop();
  }

  #onward() {
    const next = this.ways.next();
    return el("div", { class: "buttons" }, next ? button("main", "Next request", next) : null, button("", "Back to the inbox", this.ways.back));
  }

  #focus() {
    /** @type {HTMLElement | null} */ (this.into.querySelector("[tabindex]"))?.focus();
  }
}

/** @type {Record<string, [string, string]>} */
const ENDS = {
  "exchange.decided": ["It was decided", "Another device, a colleague, or an answer in advance was first. What you did here changed nothing."],
  "exchange.expired": ["It has expired.", "Nobody answered in time; the agent takes that as a no. It can ask again."],
  "exchange.withdrawn": ["The agent took it back.", "There is nothing to decide any more."],
  "exchange.cancelled": ["It is over.", "Its pairing or its app was revoked."],
};

/** @param {string | undefined} state */
function stateKind(state) {
  const kinds = { Decided: "exchange.decided", Delivered: "exchange.decided", Expired: "exchange.expired", Withdrawn: "exchange.withdrawn" };
  return kinds[/** @type {keyof typeof kinds} */ (state)] ?? "exchange.cancelled";
}
