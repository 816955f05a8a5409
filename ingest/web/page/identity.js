// Who this device is, and what was chosen on it. Kept in the browser alone.

const TOKEN = "tempogate.token";
const CHOICE = "tempogate.choice"; // "server" or "phone"
const PENDING = "tempogate.withdrawal"; // one that could not be told yet

// A browser that keeps nothing (private windows) is asked anew each time.
function read(key) {
  try { return localStorage.getItem(key) ?? ""; } catch { return ""; }
}
function write(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch { /* not kept */ }
}

export const choice = { get: () => read(CHOICE), set: (value) => write(CHOICE, value) };
export const pending = { get: () => read(PENDING) !== "", set: (on) => write(PENDING, on ? "1" : "") };
export const token = { get: () => read(TOKEN), set: (value) => write(TOKEN, value) };

/**
 * Takes a token from the part of the address behind #, which browsers never
 * send, and removes it there.
 */
export function tokenFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return;
  token.set(given.trim());
  history.replaceState(null, "", location.pathname);
}
