// What the page says, from what the client reports.

export const ACTIVITIES = {
  still: "Still", walk: "Walking", run: "Running", cycle: "Cycling", transit: "Riding", unknown: "–",
};

/** Why there are no readings, and what to do. */
export function captureWords({ code }) {
  switch (code) {
    case "permission_denied":
      return "This page may not use the motion sensor. Without it there is no tempo. Allow “Motion sensors” for this page " +
        "(tap the symbol beside the address; on an iPhone close the page and open it again), then press Start.";
    case "permission_needed":
      return "Press Start once more: the browser asks for the motion sensor only after a tap.";
    case "insecure":
      return "Browsers give motion to pages over https only. Open this page with https://.";
  }
  return "No motion sensor answers. Phones have one, most computers have none: open this page on your phone.";
}

export function locationWords() {
  return "Location is not allowed for this page, so there is no speed. The tempo works without it.";
}

/** Where the readings go, and how that is going. */
export function whereWords(mode, state, host, seconds) {
  if (mode === "phone") {
    return { live: "On this phone only. Nothing is sent.", connecting: "Loading the classifier onto this phone…" }[state] ??
      "On this phone only. Nothing will be sent.";
  }
  return {
    live: `Sent to ${host}.`,
    connecting: `Connecting to ${host}…`,
    waiting: seconds > 0 ? `No connection. Trying again in ${seconds} s.` : "Nothing to send. Waiting for motion.",
  }[state] ?? `Will be sent to ${host}.`;
}

export function bytesWords(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

/** What has gone out, how much, and how much that is an hour. */
export function sentWords(mode, totals, now) {
  const readings = `${totals.readings.toLocaleString("en")} readings of motion` +
    (totals.fixes > 0 ? ` and ${totals.fixes} of your speed` : "");
  if (mode === "phone") return totals.readings === 0 ? "Nothing." : `Nothing. ${readings} stayed on this phone.`;
  if (totals.frames === 0) return "Nothing yet.";
  const seconds = Math.max(1, (now - totals.since) / 1000);
  const hourly = seconds < 10 ? "" : `, ${bytesWords(totals.bytes / seconds * 3600)} an hour`;
  return `${readings}: ${bytesWords(totals.bytes)}${hourly}. No coordinates.`;
}

export function speedWords(mps) {
  if (mps === null) return { speed: "–", pace: "–" };
  const seconds = Math.round(1000 / mps);
  const pace = mps < 0.5 ? "–" : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} /km`;
  return { speed: `${(mps * 3.6).toFixed(1)} km/h`, pace };
}
