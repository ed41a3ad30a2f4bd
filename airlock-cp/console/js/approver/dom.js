// @ts-check
// Elements made of facts. Text goes in as text, so what others wrote is never markup.

/** @typedef {Node | string | null | undefined | false} Child */

const ATTRIBUTES = new Set([
  "class", "id", "type", "for", "href", "name", "value", "rows", "maxlength", "autocomplete", "autocapitalize", "spellcheck",
  "inputmode", "enterkeyhint", "role", "hidden", "disabled", "checked", "required", "open", "datetime", "tabindex", "dir", "lang",
  "aria-label", "aria-labelledby", "aria-describedby", "aria-live", "aria-busy", "aria-hidden", "aria-current", "data-key", "data-state",
]);

/**
 * An element. Only the attributes above, and only our own paths as links.
 * @param {string} tag
 * @param {Record<string, string | boolean | null | undefined>} [attributes]
 * @param {...Child} children
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (!ATTRIBUTES.has(name)) throw new TypeError(`no attribute ${name} here`);
    if (name === "href" && !/^\/(?!\/)|^#/.test(String(value))) throw new TypeError("a link leads to a page of ours");
    made.setAttribute(name, value === true ? "" : String(value));
  }
  put(made, ...children);
  return made;
}

/**
 * @param {Element} into
 * @param {...Child} children
 */
export function put(into, ...children) {
  for (const child of children) if (child) into.append(child);
}

/**
 * @param {Element} into
 * @param {...Child} children
 */
export function fill(into, ...children) {
  into.replaceChildren();
  put(into, ...children);
}

/**
 * A button that does one thing at a time: it cannot be pressed again before what it did is over.
 * @param {string} kind classes beside `button`
 * @param {Child | Child[]} label
 * @param {(button: HTMLButtonElement) => unknown} act
 */
export function button(kind, label, act) {
  const made = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: `button ${kind}`.trim() }));
  put(made, ...[label].flat());
  made.addEventListener("click", async () => {
    if (made.disabled) return;
    made.disabled = true;
    made.setAttribute("aria-busy", "true");
    try {
      await act(made);
    } finally {
      made.disabled = false;
      made.removeAttribute("aria-busy");
    }
  });
  return made;
}

/**
 * A list of facts: term, description.
 * @param {...([string, Child | Child[]] | null | false | undefined)} pairs
 */
export function facts(...pairs) {
  const list = el("dl", { class: "facts" });
  for (const pair of pairs) {
    if (!pair) continue;
    const told = el("dd");
    put(told, ...[pair[1]].flat());
    put(list, el("dt", {}, pair[0]), told);
  }
  return list;
}

/**
 * What stands where a list is empty: a title, and the next step.
 * @param {string} title
 * @param {...Child} next
 */
export function empty(title, ...next) {
  return el("div", { class: "empty" }, el("strong", {}, title), ...next);
}

/**
 * A notice: what is not right, or what was done.
 * @param {"ok" | "bad" | "warn"} kind
 * @param {string} title
 * @param {...Child} more
 */
export function notice(kind, title, ...more) {
  return el("div", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : null }, el("strong", {}, title), ...more);
}

/**
 * Tells those who do not see the page.
 * @param {string} text
 */
export function say(text) {
  const region = document.getElementById("said");
  if (region) region.textContent = text;
}
