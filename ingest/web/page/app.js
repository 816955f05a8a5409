// The running-mode page. It speaks with the server and the sensors through the
// client only; here is what happens when, and words.js has what is said.

import { Capture, CaptureError, PhoneStream, RunningMode, ServerStream, Tempogate, TempogateError } from "./client/tempogate.js";
import { choice, pending, token, tokenFromAddress } from "./identity.js";
import { Metronome } from "./metronome.js";
import { keepAwake } from "./screen.js";
import { Strip } from "./strip.js";
import { ACTIVITIES, captureWords, locationWords, sentWords, speedWords, whereWords } from "./words.js";

const STALE_MS = 6000; // an estimate that old says nothing of now

const $ = (id) => document.getElementById(id);
const gate = new Tempogate();
const running = new RunningMode();
const metronome = new Metronome();
const strip = new Strip($("strip"), $("strip-from"), $("strip-range"));

let notice = null; // null while the server cannot be reached
let granted = []; // categories in force
let recipients = []; // who else gets the tempo
let mode = "phone"; // where the readings go: "server" or "phone"
let went = "phone"; // where those went that are counted
let answered = 0; // when the newest estimate came
let stream = { state: "closed", retryInMS: 0 };

// ---- asking ---------------------------------------------------------------

function showAsk() {
  running.stop();
  $("ask").hidden = false;
  $("run").hidden = true;
  showNotice();
  showStop();
  look("ask-title");
}

function showNotice() {
  if (!notice) return;
  document.documentElement.lang = notice.language;
  const [title, ...paragraphs] = notice.text.split(/\n+/);
  $("ask-title").textContent = title;
  $("notice").replaceChildren(...paragraphs.map((text) => {
    const p = document.createElement("p");
    const lead = text.match(/^[^.?]{1,32}[.?](?=\s)/)?.[0] ?? "";
    if (lead) {
      const strong = document.createElement("strong");
      strong.textContent = lead;
      p.append(strong);
    }
    p.append(text.slice(lead.length));
    return p;
  }));
  for (const { name, why } of notice.categories) {
    const place = $(`why-${name}`);
    if (place) place.textContent = why;
  }
  const legend = $("recipients").querySelector("legend");
  $("recipients").hidden = notice.recipients.length === 0;
  $("recipients").replaceChildren(legend, ...notice.recipients.map(recipientChoice));
}

// A choice of its own for each recipient, none of them made in advance.
function recipientChoice({ name, why }) {
  const choice = document.createElement("label");
  choice.className = "choice";
  const line = document.createElement("span");
  line.className = "choice-name";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = name;
  line.append(box, ` ${name} `);
  const reason = document.createElement("span");
  reason.className = "why";
  reason.textContent = why;
  choice.append(line, reason);
  return choice;
}

async function allow() {
  const permission = Capture.ask(); // in the tap itself, before anything else
  permission.catch(() => {}); // start says it
  say("");
  const location = $("choose-location").checked;
  try {
    if (!gate.token) {
      await gate.newIdentity();
      token.set(gate.token);
    }
    recipients = [...document.querySelectorAll("#recipients input:checked")].map((box) => box.value);
    await grant(location ? ["acceleration", "location"] : ["acceleration"]);
  } catch (error) {
    return sayRefusal(error);
  }
  choose("server");
  $("use-location").checked = location;
  showRun();
  look("run-title");
  await start(permission);
}

async function grant(categories) {
  try {
    await gate.grant(notice, categories, recipients);
  } catch (error) {
    if (error.code === "notice_changed") {
      notice = await gate.notice();
      showNotice();
    }
    throw error;
  }
  granted = categories;
}

async function decline() {
  say("");
  choose("phone");
  granted = [];
  showRun();
  look("run-title");
  // A person whom the server knows is not asked again. A visitor it does not
  // know says nothing, and stays unknown.
  if (gate.token && notice) await gate.refuse(notice).catch(sayRefusal);
}

function sayRefusal(error) {
  if (!(error instanceof TempogateError)) {
    return say("The server cannot be reached, so nothing was agreed. Your tempo works on this phone: press Decline.");
  }
  switch (error.code) {
    case "no_anonymous":
      $("token-form").hidden = false;
      return say("This server lets in only people who have a token from its operator. Without one your tempo works on this phone: press Decline.");
    case "bad_token":
      gate.token = "";
      token.set("");
      $("token-form").hidden = false;
      return say(`Your token is not taken any more: ${error.message}`);
    case "notice_changed":
      return say("The notice has just changed. Please read it again.");
  }
  say(error.message);
}

// ---- running --------------------------------------------------------------

function showRun() {
  $("ask").hidden = true;
  $("run").hidden = false;
  show();
}

function choose(where) {
  mode = where;
  choice.set(where);
}

async function start(permission = Capture.ask()) {
  say("");
  $("held").textContent = "";
  strip.clear();
  $("start").disabled = true;
  went = mode;
  try {
    await permission;
    await running.start(mode === "server" ? new ServerStream(gate) : new PhoneStream(), { location: wantsLocation() });
    keepAwake(true);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    say(captureWords(error));
  } finally {
    $("start").disabled = false;
    show();
  }
}

async function stop() {
  const served = went === "server" && running.totals.frames > 0;
  running.stop();
  keepAwake(false);
  showNothing();
  show();
  if (served) await showHeld();
}

async function switchMode() {
  const wasRunning = running.running;
  if (mode === "phone" && !granted.includes("acceleration")) return showAsk();
  if (wasRunning) await stop();
  choose(mode === "phone" ? "server" : "phone");
  show();
  if (wasRunning) await start(Promise.resolve());
}

/** Takes everything back. What can be done on the phone is done first. */
async function withdraw() {
  pending.set(true);
  running.stop();
  keepAwake(false);
  granted = [];
  choose("phone");
  showNothing();
  show();
  await tellWithdrawal();
}

async function tellWithdrawal() {
  try {
    await gate.withdraw();
  } catch (error) {
    if (error.status === 404) { // never asked: nothing to take back
      pending.set(false);
      return;
    }
    if (error.status === 401) {
      pending.set(false);
      return sayRefusal(error);
    }
    say("Sending has stopped on this phone. The server could not be told yet: this page goes on trying.");
    setTimeout(tellWithdrawal, 5000);
    return;
  }
  pending.set(false);
  say("Withdrawn. Nothing more is sent. Your tempo works on this phone: press Start.");
  await showHeld();
}

/** Asks the server what it still has, and says so. */
async function showHeld() {
  for (let i = 0; i < 20; i++) {
    let held;
    try {
      held = await gate.held();
    } catch {
      return;
    }
    if (held.readings === 0 && held.sessions === 0) {
      $("held").textContent = "The server has forgotten your motion: it holds 0 readings of yours.";
      return;
    }
    $("held").textContent = `The server still holds ${held.readings} readings of yours.`;
    await new Promise((done) => setTimeout(done, 250));
  }
}

async function changeLocation() {
  const on = $("use-location").checked;
  const covered = granted.includes("location");
  if (mode === "server" && granted.length > 0 && on !== covered) {
    try {
      if (on) await grant(["acceleration", "location"]);
      else {
        running.stopLocation(); // first on the phone
        await gate.withdraw("location");
        granted = ["acceleration"];
      }
    } catch (error) {
      $("use-location").checked = covered;
      return sayRefusal(error);
    }
  }
  if (running.running && on) {
    await stop();
    await start(Promise.resolve());
  } else if (running.running) running.stopLocation();
}

function wantsLocation() {
  return $("use-location").checked && (mode === "phone" || granted.includes("location"));
}

// ---- showing --------------------------------------------------------------

// Takes people who cannot see to what is new, and the others to the top.
function look(id) {
  $(id).focus({ preventScroll: true });
  scrollTo(0, 0);
}

function say(text) {
  $("message").textContent = text;
  $("message").hidden = text === "";
  if (text) scrollTo(0, 0);
}

function show() {
  const state = running.running ? stream.state : "closed";
  $("where").dataset.state = state;
  $("where").dataset.mode = mode;
  $("where-text").textContent = whereWords(mode, state, location.hostname, Math.ceil(stream.retryInMS / 1000));
  $("switch").textContent = mode === "phone" ? "Use the server" : "Keep it here";
  $("start").textContent = running.running ? "Stop" : "Start";
  $("sent").textContent = sentWords(went, running.totals, Date.now());
  $("use-location-text").textContent = mode === "server"
    ? "Share my location, for the speed" : "Use my location, for the speed. It stays here.";
  showStop();
}

function showStop() {
  $("stop").hidden = granted.length === 0;
  $("keep").hidden = !gate.token;
  $("to-push").hidden = granted.length === 0;
}

function showNothing() {
  showTempo(null);
  for (const id of ["activity", "speed", "pace"]) $(id).textContent = "–";
  metronome.bpm = 0;
}

function showTempo(bpm) {
  $("bpm").textContent = bpm ?? "–";
  $("bpm").classList.toggle("none", bpm === null);
}

function showEstimate({ detail: e }) {
  answered = Date.now();
  showTempo(e.bpm);
  if ($("activity").textContent !== ACTIVITIES[e.activity]) $("activity").textContent = ACTIVITIES[e.activity];
  const { speed, pace } = speedWords(e.speed_mps);
  $("speed").textContent = speed;
  $("pace").textContent = pace;
  metronome.bpm = e.bpm ?? 0;
  strip.add(e);
  show();
}

running.addEventListener("estimate", showEstimate);
running.addEventListener("sent", show);
running.addEventListener("refused", () => running.stopLocation());
running.addEventListener("capture", ({ detail }) => {
  say(running.running ? locationWords() : captureWords(detail));
  if (!running.running) showNothing();
  show();
});
running.addEventListener("state", ({ detail }) => {
  stream = detail;
  if (detail.state === "ended") {
    keepAwake(false);
    ended(detail);
  }
  show();
});

async function ended({ code, reason }) {
  switch (code) {
    case "done":
      return;
    case "consent":
      showNothing();
      if (granted.length > 0) { // not by this page
        granted = [];
        choose("phone");
        say("Your consent has ended, so nothing more is sent. Your tempo works on this phone: press Start.");
        await showHeld();
      }
      break;
    case "identity":
      sayRefusal(new TempogateError(401, { code: "bad_token", detail: reason }));
      granted = [];
      break;
    case "failed":
      say(`The classifier could not be loaded onto this phone. ${reason}`);
      break;
    default:
      say(`The server ended the stream: ${reason}`);
  }
  show();
}

setInterval(() => {
  if (running.running && Date.now() - answered > STALE_MS) showNothing();
  if (stream.state === "waiting" && running.running) {
    stream.retryInMS = Math.max(stream.retryInMS && 1, stream.retryInMS - 1000);
    show();
  }
}, 1000);

// ---- taps -----------------------------------------------------------------

$("allow").addEventListener("click", allow);
$("decline").addEventListener("click", decline);
$("start").addEventListener("click", () => running.running ? stop() : start());
$("switch").addEventListener("click", switchMode);
$("withdraw").addEventListener("click", withdraw);
$("use-location").addEventListener("change", changeLocation);
$("choices").addEventListener("submit", (event) => event.preventDefault());
$("click").addEventListener("click", () => {
  if (metronome.running) metronome.stop();
  else metronome.start();
  $("click").setAttribute("aria-pressed", String(metronome.running));
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set($("token").value.trim());
  location.reload();
});
$("export").addEventListener("click", async () => {
  try {
    const text = JSON.stringify(await gate.export(), null, 2);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "tempogate-export.json";
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    if (error.code === "never_asked") say("The server keeps nothing of you.");
    else sayRefusal(error);
  }
});

// ---- the beginning --------------------------------------------------------

async function begin() {
  tokenFromAddress();
  gate.token = token.get();
  try {
    notice = await gate.notice();
  } catch {
    say("The server cannot be reached. Your tempo works on this phone alone.");
  }
  if (pending.get()) tellWithdrawal();
  let grantNow = null;
  if (gate.token && notice && !pending.get()) {
    try {
      grantNow = await gate.consent();
    } catch (error) {
      sayRefusal(error);
    }
  }
  if (grantNow?.state === "given") ({ categories: granted, recipients } = grantNow);
  $("use-location").checked = granted.includes("location");
  if (granted.length > 0) {
    mode = choice.get() === "phone" ? "phone" : "server";
    showRun();
  } else if (!notice || choice.get() === "phone" || grantNow?.state === "refused") {
    mode = "phone";
    showRun();
  } else {
    if (grantNow?.state === "invalidated") say("The notice has changed since you said yes, so we ask again.");
    if (grantNow?.state === "expired") say("Your consent has run out, so we ask again.");
    showAsk();
  }
}

begin();
navigator.serviceWorker?.register("/sw.js").catch(() => {}); // without one the page needs the network
