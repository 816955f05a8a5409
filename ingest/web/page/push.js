// The page for apps that can only push: an address as a QR code, and what
// comes in over it.

import { Tempogate } from "./client/tempogate.js";
import { token } from "./identity.js";
import { ACTIVITIES, speedWords } from "./words.js";

const $ = (id) => document.getElementById(id);
const gate = new Tempogate({ token: token.get() });

function say(text) {
  $("message").textContent = text;
  $("message").hidden = text === "";
}

async function make() {
  say("");
  try {
    const link = await gate.newPushLink();
    draw(link.qr);
    $("url").textContent = link.url;
    $("until").textContent = `Good until ${new Date(link.expires_at).toLocaleDateString()}, or until you withdraw.`;
    $("make").hidden = true;
    $("link").hidden = false;
  } catch (error) {
    say(error.message);
  }
}

// One path for all dark squares, with the quiet zone of four that readers need.
function draw(rows) {
  const size = rows.length + 8;
  const svg = $("qr");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", rows.flatMap((row, y) =>
    [...row].map((dark, x) => dark === "1" ? `M${x + 4} ${y + 4}h1v1h-1z` : "")).join(""));
  svg.replaceChildren(path);
}

async function look() {
  if (document.hidden) return;
  let pushed;
  try {
    pushed = await gate.pushed();
  } catch (error) {
    $("state").textContent = error.status ? error.message : "The server cannot be reached.";
    return;
  }
  const e = pushed.estimate;
  $("bpm").textContent = e?.bpm ?? "–";
  $("activity").textContent = e ? ACTIVITIES[e.activity] : "–";
  $("speed").textContent = e ? speedWords(e.speed_mps).speed : "–";
  $("pushes").textContent = pushed.live ? pushed.pushes : "–";
  if (pushed.refused) $("state").textContent = "There is no consent, so pushes are turned away.";
  else if (pushed.live) $("state").textContent = `The last push came ${Math.round(pushed.last_s)} s ago.`;
  else $("state").textContent = "Nothing comes in.";
}

$("new").addEventListener("click", make);
$("copy").addEventListener("click", () => navigator.clipboard.writeText($("url").textContent));

if (gate.token) {
  $("make").hidden = false;
  look();
  setInterval(look, 1000);
} else {
  say("Say yes on the page before first: an address stands for a person.");
}
