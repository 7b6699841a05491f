// Keeps every file of the page on the device, so that it opens without internet. `zoo web` fills in the next two lines.
const VERSION = "VERSION";
const SHELL = ["SHELL"]; // what the page needs at once; runtime and models are kept when they are first asked for

const PAGE = `zoo ${self.registration.scope} `; // other pages of the same site have caches of their own

self.addEventListener("install", (event) => {
  const fresh = SHELL.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(PAGE + VERSION).then((cache) => cache.addAll(fresh)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(PAGE) && name !== PAGE + VERSION) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(answer(event));
});

async function answer(event) {
  const cache = await caches.open(PAGE + VERSION);
  const kept = await cache.match(event.request, { ignoreSearch: true });
  if (kept) return kept;
  const found = await fetch(event.request);
  if (found.status === 200) event.waitUntil(cache.put(event.request, found.clone()));
  return found;
}
