// @ts-check
// The stream of events, and the badge that says whether it runs. The browser reads on after a break by itself, with Last-Event-ID; where
// the server refused, it is tried again with pauses.

const KINDS = [
  "approval.request",
  "exchange.decided",
  "exchange.expired",
  "exchange.withdrawn",
  "exchange.cancelled",
  "pairing.claimed",
  "pairing.revoked",
];
const PAUSE_MAX_MS = 30_000;

/**
 * Listens until the page is left.
 * @param {import("./api.js").Api} api
 * @param {{heard: (kind: string, message: any) => void, opened: () => void, refused?: () => void}} to `opened` is told each time: what ended
 *   meanwhile was missed
 */
export function listen(api, to) {
  const badge = document.getElementById("live");
  const told = (/** @type {boolean} */ runs) => {
    if (!badge) return;
    badge.hidden = false;
    badge.textContent = runs ? "live" : "paused";
    badge.className = runs ? "badge good live" : "badge warn live";
    badge.dataset.state = badge.textContent;
  };
  let pause = 1000;
  let source = /** @type {EventSource | null} */ (null);
  const start = () => {
    source = new EventSource(`/api/v1/approver/events?as=${encodeURIComponent(api.madeFor)}`);
    source.onopen = () => {
      pause = 1000;
      told(true);
      to.opened();
    };
    source.onerror = () => {
      told(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      to.refused?.();
      setTimeout(start, pause);
      pause = Math.min(PAUSE_MAX_MS, pause * 2);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        let message;
        try {
          message = JSON.parse(event.data);
        } catch {
          return;
        }
        to.heard(kind, message);
      });
    }
  };
  told(false);
  start();
  addEventListener("pagehide", () => source?.close());
  // A page that comes back from the browser's memory has a stream that was closed.
  addEventListener("pageshow", (event) => {
    if (event.persisted) start();
  });
}
