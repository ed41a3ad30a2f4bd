// @ts-check
// The service worker of an approver's pages. It keeps this version's style and scripts and one page that says that there is no
// connection. It keeps no other page, no answer of the API, and nothing that was opened; pages go to the network first and only.
/* global ROOT */

const SHELL = `airlock shell ${ROOT}`;
const OFFLINE = "/approvals/offline";
const FILES = ["css/console.css", "img/mark.svg", ...["console", "copy", "confirm", "menu", "password", "time"].map((name) => `js/${name}.js`)];

addEventListener("install", (event) => {
  const all = [OFFLINE, ...FILES.map((file) => `${ROOT}/${file}`)];
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(all.map((url) => new Request(url, { cache: "no-cache", credentials: "omit" })))));
  skipWaiting();
});

addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== SHELL && name.startsWith("airlock shell ")) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(old());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(async () => (await caches.match(OFFLINE)) ?? Response.error()));
  } else if (url.pathname.startsWith(`${ROOT}/`)) {
    event.respondWith(file(request));
  }
  // Everything else, the API above all, is the browser's own affair.
});

/** A file of this version never changes. @param {Request} request */
async function file(request) {
  const kept = await caches.match(request.url);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    const shell = await caches.open(SHELL);
    await shell.put(request.url, answer.clone());
  }
  return answer;
}
