// @ts-check
// Pairing: by the agent's code, or by one of ours. Both end before the same question: is it this agent?
import { ApiError } from "./api.js";
import { button, el, facts, fill, notice, say } from "./dom.js";
import { listen } from "./live.js";
import { agent, countDown, name } from "./words.js";

/** @typedef {import("./page.js").Ground} Ground */

const CODE_CHARS = 6;
const LOOK_EVERY_MS = 3000;

/** @param {Ground} ground */
export async function pair(ground) {
  if (await isRevoked(ground)) return fill(ground.root, revoked(ground));
  const by = new Pair(ground);
  by.choose();
  listen(ground.api, { heard: (kind, message) => by.heard(kind, message), opened: () => by.look() });
}

/**
 * Whether this browser's key was taken back: nothing that it signs counts.
 * @param {Ground} ground
 */
export async function isRevoked(ground) {
  const signer = await ground.keys.signer();
  if (!signer) return false;
  const devices = (await ground.api.get("/devices")).items;
  return devices.some((/** @type {any} */ one) => one.signerKeyId === signer.signerKeyId && one.revokedAt);
}

/** @param {Ground} ground */
export function revoked(ground) {
  const anew = button("main", "Make new keys", async () => {
    await ground.keys.clear();
    location.assign("/approvals/pair");
  });
  const text = "It was taken back, with all its pairings. With new keys this browser can be paired again.";
  return notice("warn", "This browser’s key answers for you no longer.", el("p", {}, text), el("div", { class: "buttons" }, anew));
}

class Pair {
  /** @param {Ground} ground */
  constructor(ground) {
    this.ground = ground;
    /** @type {{code: string, nonce: string} | null} */
    this.made = null;
    this.stop = () => {};
  }

  /** @param {HTMLElement} [first] what stands before the choice */
  choose(first) {
    this.#rest();
    fill(this.ground.root, first ?? null, el("div", { class: "grid" }, this.#typed(), this.#offered()));
  }

  #rest() {
    this.stop();
    this.stop = () => {};
    this.made = null;
  }

  #typed() {
    const code = /** @type {HTMLInputElement} */ (
      el("input", { id: "code", class: "code-entry", maxlength: "9", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "aria-describedby": "code-hint" })
    );
    const said = el("div", {});
    const go = button("main full", "Look it up", async () => {
      const text = code.value.replace(/[\s-]/g, "");
      if (text.length !== CODE_CHARS) return fill(said, notice("bad", `A code has ${CODE_CHARS} letters and digits.`));
      await this.#resolve(text, (problem) => {
        fill(said, problem);
        code.focus();
      });
    });
    code.addEventListener("keydown", (event) => {
      if (event.key === "Enter") go.click();
    });
    return el(
      "section",
      { class: "card", "aria-labelledby": "typed-h" },
      el("h2", { id: "typed-h" }, "The agent shows a code"),
      el("div", { class: "field" }, el("label", { for: "code" }, "Code"), code, el("p", { class: "hint", id: "code-hint" }, "Six letters and digits, as the agent or its terminal shows them.")),
      said,
      go,
    );
  }

  #offered() {
    const label = /** @type {HTMLInputElement} */ (el("input", { id: "label", maxlength: "60", autocomplete: "off" }));
    const said = el("div", {});
    const make = button("full", "Make a code", async () => {
      try {
        const made = await this.ground.api.post("/pairings/codes", label.value.trim() ? { label: label.value.trim() } : {});
        this.#wait(made);
      } catch (error) {
        fill(said, failed(error));
      }
    });
    return el(
      "section",
      { class: "card", "aria-labelledby": "offered-h" },
      el("h2", { id: "offered-h" }, "The agent asks for a code"),
      el("div", { class: "field" }, el("label", { for: "label" }, "For whom (optional)"), label, el("p", { class: "hint" }, "A word to remember it by. The server can read it.")),
      said,
      make,
    );
  }

  /** @param {any} made */
  #wait(made) {
    this.made = { code: made.pairingCode, nonce: made.pairingNonce };
    const time = el("span", { class: "badge" });
    const shown = el("p", { class: "big-code", id: "made" }, made.pairingCode);
    const cancel = button("", "Cancel", async () => {
      await this.ground.api.post("/pairings/reject", { pairingNonce: made.pairingNonce }).catch(() => {});
      this.choose();
    });
    const over = () => this.choose(notice("warn", "The code is over.", "Nobody took it up in time. Make another."));
    const stop = countDown(time, made.expiresAt, () => this.ground.api.now(), over);
    const looking = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.stop = () => {
      stop();
      clearInterval(looking);
    };
    fill(
      this.ground.root,
      el(
        "section",
        { class: "card narrow", "aria-labelledby": "made-h" },
        el("div", { class: "card-head" }, el("h2", { id: "made-h", tabindex: "-1" }, "Give the agent this code"), time),
        shown,
        el("p", { role: "status" }, "Waiting for the agent to take it up…"),
        el("p", { class: "soft" }, "Who has the code can ask to be paired. You are shown who did before anything is agreed."),
        cancel,
      ),
    );
    say(`The code is ${[...made.pairingCode].join(" ")}.`);
    document.getElementById("made-h")?.focus();
  }

  /**
   * @param {string} kind
   * @param {any} message
   */
  heard(kind, message) {
    if (kind === "pairing.claimed" && message.body?.pairingNonce === this.made?.nonce) this.look();
  }

  /** Looks whether our code was taken up. */
  async look() {
    const made = this.made;
    if (!made) return;
    try {
      const told = await this.ground.api.post("/pairings/resolve", { code: made.code });
      if (told.deviceId && this.made === made) this.#confirm(told);
    } catch (error) {
      if (error instanceof ApiError && [404, 409].includes(error.status) && this.made === made) {
        this.choose(notice("warn", "The code is over.", "Make another."));
      }
    }
  }

  /**
   * @param {string} code
   * @param {(problem: HTMLElement) => void} refused
   */
  async #resolve(code, refused) {
    let told;
    try {
      told = await this.ground.api.post("/pairings/resolve", { code });
    } catch (error) {
      const unknown = error instanceof ApiError && error.status === 404;
      return refused(unknown ? notice("bad", "No such code.", el("p", {}, "It may be used up or over. Check it, or have the agent make another.")) : failed(error));
    }
    if (!told.deviceId) return refused(notice("warn", "This is a code of yours that no agent took up yet."));
    await this.#confirm(told);
  }

  /** @param {any} told who wants to pair, in words of their own */
  async #confirm(told) {
    this.#rest();
    if (!told.x25519PublicKey) {
      return this.choose(notice("bad", "This agent cannot be paired here.", el("p", {}, "It brought no key, so nothing could be sealed for you. Its program may be too old.")));
    }
    await this.ground.keys.ensureSigner();
    const time = el("span", { class: "badge" });
    const said = el("div", {});
    const over = () => this.choose(notice("warn", "The code is over.", "Have the agent make another."));
    this.stop = countDown(time, told.expiresAt, () => this.ground.api.now(), over);
    const refuse = button("danger", "No, refuse it", async () => {
      try {
        await this.ground.api.post("/pairings/reject", { pairingNonce: told.pairingNonce });
        this.choose(notice("ok", "Refused.", "The agent was told."));
      } catch (error) {
        fill(said, failed(error));
      }
    });
    const accept = button("main", "Yes, pair", () => this.#accept(told, said));
    fill(
      this.ground.root,
      el(
        "section",
        { class: "card narrow", "aria-labelledby": "who-h" },
        el("div", { class: "card-head" }, el("h2", { id: "who-h", tabindex: "-1" }, "Is this your agent?"), time),
        el("p", { class: "soft" }, "This is what it says of itself. Only the code ties it to whoever showed it to you."),
        facts(
          ["Label", name(told.enforcerLabel ?? "none")],
          ["Agent", name(told.enforcerId ?? "none")],
          ["Workspace", name(told.workspaceName ?? "none")],
          told.appName && ["App", name(told.appName)],
          ["Device", name(told.deviceId)],
          ["Its key", el("code", { class: "key" }, name(told.x25519PublicKey, 100))],
        ),
        el("div", { class: "secret" }, el("p", { class: "label" }, "Your fingerprint"), el("code", { id: "fingerprint" }, await this.ground.keys.fingerprint())),
        el("p", {}, "Compare: the agent shows the same fingerprint once you are paired. Another one means that somebody sits in between; then end the pairing."),
        said,
        el("div", { class: "buttons even" }, accept, refuse),
      ),
    );
    document.getElementById("who-h")?.focus();
  }

  /**
   * @param {any} told
   * @param {HTMLElement} said
   */
  async #accept(told, said) {
    const { api, keys } = this.ground;
    try {
      const { signer, responseJson } = await keys.answer(told, api.now());
      const { signerKeyId, publicKey, deviceId } = signer;
      await api.post("/devices", { deviceId, signerKeyId, publicKey, label: device() });
      await api.post("/pairings/complete", { pairingNonce: told.pairingNonce, responseJson });
    } catch (error) {
      // Who refuses has not taken it; where no answer came it may have been.
      if (!(error instanceof ApiError) || !error.isUnknown) await keys.forget(told.pairingNonce);
      return fill(said, failed(error));
    }
    this.#rest();
    say("Paired.");
    const print = el("code", {}, await keys.fingerprint());
    fill(
      this.ground.root,
      el(
        "section",
        { class: "card narrow", "aria-labelledby": "paired-h" },
        el("h2", { id: "paired-h", tabindex: "-1" }, "Paired with ", name(agent(told))),
        el("p", {}, "Now compare: does the agent show this fingerprint?"),
        el("div", { class: "secret" }, print),
        el("p", { class: "soft" }, "If it shows another, end the pairing under Agents and devices."),
        el("div", { class: "buttons" }, el("a", { class: "button main", href: "/approvals" }, "To the inbox"), button("", "Pair another", () => this.choose())),
      ),
    );
    document.getElementById("paired-h")?.focus();
  }
}

/** @param {unknown} error */
function failed(error) {
  return notice("bad", "It did not work.", el("p", {}, error instanceof Error ? error.message : "Try again."));
}

/** What this browser is called in the list of devices: no more than its kind. */
function device() {
  const agent = navigator.userAgent;
  const of = (/** @type {[RegExp, string][]} */ known) => known.find(([form]) => form.test(agent))?.[1];
  const browser = of([[/Edg/, "Edge"], [/Firefox/, "Firefox"], [/Chrome|CriOS/, "Chrome"], [/Safari/, "Safari"]]) ?? "Browser";
  const system = of([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]]);
  return system ? `${browser} on ${system}` : browser;
}
