// @ts-check
// An approver's page: who it is for, what they keep here, which part of it is shown.
import { lacking } from "./able.js";
import { Api, ApiError } from "./api.js";
import { apps } from "./apps.js";
import { devices } from "./devices.js";
import { el, fill, notice } from "./dom.js";
import { past } from "./history.js";
import { inbox } from "./inbox.js";
import { install } from "./install.js";
import { Keys } from "./keys.js";
import { pair } from "./pair.js";
import { quiet } from "./quiet.js";

/** @typedef {{root: HTMLElement, api: Api, keys: Keys}} Ground what every part stands on */

/** @type {Record<string, (ground: Ground) => Promise<unknown>>} */
const VIEWS = { inbox, pair, devices, quiet, apps, history: past };

async function start() {
  const root = document.getElementById("approver");
  if (!root) return;
  const { view = "", user = "", org = "", csrf = "" } = root.dataset;
  const api = new Api(csrf, `${user}/${org}`);
  fill(root, el("p", { class: "soft" }, "Loading…"));
  try {
    const without = view === "apps" ? null : await lacking();
    if (without) return fill(root, without);
    // What apps may do needs no keys, and a page that has none of its own shows it everywhere.
    const keys = view === "apps" ? /** @type {any} */ (null) : await Keys.open(user, org);
    await VIEWS[view]({ root, api, keys });
  } catch (error) {
    const why = error instanceof ApiError ? error.message : "Something in this page did not work. Load it again.";
    fill(root, notice("bad", "This could not be shown.", el("p", {}, why)));
  }
  install();
}

start();
