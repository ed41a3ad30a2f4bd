// @ts-check
// Times and names as people read them.
import { inert } from "../approver-crypto.js";
import { el } from "./dom.js";

const ABSOLUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/**
 * How long it still is.
 * @param {number} ms
 */
export function left(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s / 60) % 60)} min`;
}

/** @param {string | undefined} iso */
export function when(iso) {
  const at = new Date(iso ?? "");
  if (Number.isNaN(at.getTime())) return el("span", { class: "soft" }, "at an unknown time");
  return el("time", { datetime: at.toISOString() }, ABSOLUTE.format(at));
}

/**
 * A name that others chose, in one line, cut where it is long.
 * @param {unknown} text
 * @param {number} charsMax
 */
export function name(text, charsMax = 80) {
  const all = [...String(text ?? "")];
  const kept = inert(all.slice(0, charsMax).join(""));
  return el("bdi", {}, all.length > charsMax ? `${kept}… (${all.length - charsMax} more characters)` : kept);
}

/**
 * What an agent is called: what it said when it was paired, or says now.
 * @param {{label?: string, enforcerLabel?: string, enforcerId?: string}} agent
 */
export function agent(agent) {
  return agent.label || agent.enforcerLabel || agent.enforcerId || "an agent without a name";
}

/**
 * Counts down to an end, until `stop` is called or the element is gone.
 * @param {HTMLElement} shown
 * @param {string | undefined} iso
 * @param {() => Date} now
 * @param {() => void} over
 */
export function countDown(shown, iso, now, over) {
  const end = Date.parse(iso ?? "");
  if (Number.isNaN(end)) {
    shown.textContent = "no end was told";
    return () => {};
  }
  const tick = () => {
    const rest = end - now().getTime();
    shown.textContent = rest > 0 ? `${left(rest)} left` : "its time is over";
    shown.classList.toggle("warn", rest > 0 && rest < 60_000);
    shown.classList.toggle("bad", rest <= 0);
    if (rest <= 0) {
      clearInterval(timer);
      over();
    }
  };
  const timer = setInterval(tick, 1000);
  queueMicrotask(tick);
  return () => clearInterval(timer);
}
