// The live strip: tempo of the last minutes as lines, one for each stretch of
// walking or running.

const LONGEST_S = 300;
const SHORTEST_S = 60;
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300, HEIGHT = 96, MARGIN = 8;

export class Strip {
  #svg;
  #from;
  #range;
  #points = []; // {t, spm, activity}

  constructor(svg, from, range) {
    this.#svg = svg;
    this.#from = from;
    this.#range = range;
  }

  clear() {
    this.#points = [];
    this.#draw();
  }

  add({ t, cadence_spm: spm, activity }) {
    this.#points.push({ t, spm, activity });
    while (this.#points[0].t < t - LONGEST_S) this.#points.shift();
    this.#draw();
  }

  #draw() {
    const now = this.#points.at(-1)?.t ?? 0;
    const known = this.#points.filter((p) => p.spm !== null);
    const low = Math.min(90, ...known.map((p) => p.spm)) - 5;
    const high = Math.max(190, ...known.map((p) => p.spm)) + 5;
    const span = Math.max(SHORTEST_S, now - (this.#points[0]?.t ?? now));
    const x = (t) => WIDTH - (now - t) / span * WIDTH;
    const y = (spm) => HEIGHT - MARGIN - (spm - low) / (high - low) * (HEIGHT - 2 * MARGIN);
    const parts = [];
    for (const spm of [120, 160]) {
      parts.push(element("line", { x1: 0, x2: WIDTH, y1: y(spm), y2: y(spm) }));
    }
    let stretch = [], kind = "", last = -Infinity;
    const flush = () => {
      if (stretch.length > 1) parts.push(element("polyline", { points: stretch.join(" "), class: kind }));
      stretch = [];
    };
    for (const p of this.#points) {
      if (p.spm === null || p.t - last > 3) flush();
      if (p.spm !== null) {
        const point = `${x(p.t).toFixed(1)},${y(p.spm).toFixed(1)}`;
        if (p.activity !== kind && stretch.length > 0) {
          stretch.push(point);
          flush();
        }
        kind = p.activity;
        stretch.push(point);
      }
      last = p.t;
    }
    flush();
    this.#svg.replaceChildren(...parts);
    const text = known.length === 0 ? "no steps yet"
      : `${Math.round(Math.min(...known.map((p) => p.spm)))} to ${Math.round(Math.max(...known.map((p) => p.spm)))} a minute`;
    this.#range.textContent = text;
    this.#from.textContent = span < 100 ? "1 min ago" : `${Math.round(span / 60)} min ago`;
    this.#svg.setAttribute("aria-label", `Tempo of the last minutes: ${text}`);
  }
}

function element(name, attributes) {
  const e = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}
