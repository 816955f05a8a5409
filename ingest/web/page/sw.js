// Lets the page open without a network, when the tempo comes from the phone.
// The network comes first, so nothing old is shown while the server is there.
// Calls under /v1/ are never touched or kept.

const CACHE = "tempogate-1";
const FILES = [
  "/", "/web/app.css", "/web/app.js", "/web/words.js", "/web/strip.js", "/web/metronome.js", "/web/screen.js",
  "/web/identity.js", "/web/icon.svg", "/web/manifest.webmanifest",
  ...["tempogate", "capture", "classifier", "packed", "stream", "running", "consent", "worker"]
    .map((name) => `/web/client/${name}.js`),
];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const ours = url.origin === location.origin && (url.pathname === "/" || url.pathname.startsWith("/web/"));
  if (request.method === "GET" && ours) event.respondWith(freshOrKept(request));
});

async function freshOrKept(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}
