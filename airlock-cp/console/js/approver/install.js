// @ts-check
// Lets a phone keep the page as an app: a worker that answers with an offline page where nothing else can be reached.

const WORKER = "/approvals/worker.js";

export async function install() {
  const container = navigator.serviceWorker;
  if (!container || !isSecureContext) return;
  try {
    await container.register(trusted(WORKER), { scope: "/approvals" });
  } catch {
    // Without it the page is the same; it cannot be opened offline, where it could do nothing.
  }
}

/**
 * Our policy wants to be told which script is meant. It knows one.
 * @param {string} url
 */
function trusted(url) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return url;
  const policy = types.createPolicy("default", {
    createScriptURL: (/** @type {string} */ text) => (text === WORKER ? text : null),
  });
  return policy.createScriptURL(url);
}
