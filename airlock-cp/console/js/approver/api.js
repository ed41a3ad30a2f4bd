// @ts-check
// Asks the control plane, as the page's own session. What fails says why in a sentence; nothing is tried twice by itself.

/** Why something was not done. `status` is 0 where no answer came. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} detail
   */
  constructor(status, code, detail) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
  /** Whether nobody can tell if it was done. */
  get isUnknown() {
    return this.status === 0 || this.status >= 502;
  }
}

const ROOT = "/api/v1/approver";

export class Api {
  /**
   * @param {string} csrf what shows that we are the page
   * @param {string} madeFor the person and the organization that the page is for
   */
  constructor(csrf, madeFor) {
    this.csrf = csrf;
    this.madeFor = madeFor;
    // The server's clock against ours, in milliseconds: when something ends is the server's to say.
    this.ahead = 0;
  }

  /** The server's time. */
  now() {
    return new Date(Date.now() + this.ahead);
  }

  /** @param {string} path */
  get(path) {
    return this.#ask("GET", path, undefined);
  }
  /**
   * @param {string} path
   * @param {unknown} [body]
   */
  post(path, body = {}) {
    return this.#ask("POST", path, body);
  }
  /** @param {string} path */
  remove(path) {
    return this.#ask("DELETE", path, undefined);
  }

  /**
   * All entries of a list that comes in pages.
   * @param {string} path
   */
  async all(path) {
    const items = [];
    let after = "";
    for (let page = 0; page < 20; page++) {
      const part = await this.get(`${path}?limit=100${after}`);
      items.push(...part.items);
      if (!part.next_cursor) break;
      after = `&cursor=${encodeURIComponent(part.next_cursor)}`;
    }
    return items;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @returns {Promise<any>}
   */
  async #ask(method, path, body) {
    const headers = /** @type {Record<string, string>} */ ({ "airlock-as": this.madeFor });
    if (method !== "GET") headers["x-csrf-token"] = this.csrf;
    if (body !== undefined) headers["content-type"] = "application/json";
    let answer;
    try {
      const sent = body === undefined ? undefined : JSON.stringify(body);
      answer = await fetch(ROOT + path, { method, headers, body: sent, cache: "no-store", redirect: "error" });
    } catch {
      throw new ApiError(0, "offline", "No answer came. Check the connection and try again.");
    }
    this.#look(answer);
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const problem = await answer.json().catch(() => ({}));
    throw new ApiError(answer.status, String(problem.code ?? ""), sentence(answer.status, problem.detail));
  }

  /** @param {Response} answer */
  #look(answer) {
    const told = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(told)) this.ahead = told - Date.now();
  }
}

/**
 * @param {number} status
 * @param {unknown} detail
 */
function sentence(status, detail) {
  if (status === 401) return "You are signed out. Load the page again to sign in.";
  const text = typeof detail === "string" && detail ? detail : `The server answered with status ${status}.`;
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
