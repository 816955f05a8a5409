// Keeps the screen awake while running mode runs: browsers stop the sensors of
// a page that is not seen.

let lock = null;
let wanted = false;

export async function keepAwake(on) {
  wanted = on;
  if (!on) {
    await lock?.release();
    lock = null;
    return;
  }
  try {
    lock = await navigator.wakeLock?.request("screen");
  } catch { // a low battery, or a page that is hidden just now
    lock = null;
  }
}

document.addEventListener("visibilitychange", () => {
  if (wanted && !document.hidden) keepAwake(true); // the lock ends when the page is hidden
});
