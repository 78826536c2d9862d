// @ts-check
// Draws the charts of a page from its table, and draws them anew when the table changes.

const steps = /** @type {HTMLElement} */ (document.getElementById("steps"));
const names = [...document.querySelectorAll("th[data-name]")].map((th) => /** @type {HTMLElement} */ (th).dataset.name ?? "");
const height = 230;

/** The columns of the table: times, and by name the numbers at each, null where there is none. */
function read() {
  const rows = /** @type {HTMLElement[]} */ ([...steps.children]).filter((row) => row.dataset.at);
  const cell = (/** @type {Element} */ row, /** @type {number} */ i) => /** @type {HTMLElement} */ (row.children[i + 1]).dataset.raw;
  const columns = names.map((_, i) => rows.map((row) => (cell(row, i) ? Number(cell(row, i)) : null)));
  return { at: rows.map((row) => Number(row.dataset.at)), columns };
}

/** @param {number | null} n a number of jobs, or of seconds */
function words(n, /** @type {boolean} */ seconds) {
  if (n == null) return "–";
  if (!seconds) return n >= 10 ? Math.round(n).toLocaleString("en") : String(+n.toFixed(1));
  if (n < 0.9995) return `${Math.round(n * 1000)} ms`;
  if (n < 99.5) return `${+n.toPrecision(2)} s`;
  return n < 5970 ? `${Math.round(n / 60)} min` : `${Math.round(n / 3600)} h`;
}

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");

/** Times in UTC, with the day where there are several. */
function clocks(/** @type {any} */ _, /** @type {number[]} */ all) {
  const days = all[all.length - 1] - all[0] > 86_400;
  return all.map((at) => {
    const t = new Date(at * 1000);
    const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}${(all[1] - all[0]) % 60 ? `:${two(t.getUTCSeconds())}` : ""}`;
    return days ? `${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())}${clock === "00:00" ? "" : ` ${clock}`}` : clock;
  });
}

/** One line for each power of ten. */
function powers(/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ low, /** @type {number} */ high) {
  const out = [];
  for (let n = low; n <= high * 1.001; n *= 10) out.push(n);
  return out;
}

/** The numbers that no line leads to, which would not be seen without a point. */
function alone(/** @type {any} */ u, /** @type {number} */ i) {
  const line = /** @type {(number | null)[]} */ (u.data[i]);
  return line.flatMap((n, at) => (n != null && line[at - 1] == null && line[at + 1] == null ? [at] : []));
}

/** A chart in its place, and how to give it other numbers. */
function draw(/** @type {HTMLElement} */ place) {
  const uPlot = /** @type {any} */ (globalThis).uPlot;
  const seconds = "log" in place.dataset;
  const lines = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`[data-for=${place.dataset.chart}] [data-line]`)]);
  const colour = getComputedStyle(place);
  const faint = getComputedStyle(/** @type {HTMLElement} */ (lines[0].parentElement));
  const axis = { stroke: colour.color, grid: { stroke: faint.borderTopColor, width: 1 }, ticks: { stroke: faint.borderTopColor, width: 1 }, font: `12px ${colour.fontFamily}` };
  const pick = (/** @type {ReturnType<typeof read>} */ table) => [table.at, ...lines.map((line) => table.columns[names.indexOf(line.dataset.line ?? "")])];
  let zoomed = false;
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false } },
      tzDate: (/** @type {number} */ at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      scales: { y: seconds ? { distr: 3, range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => uPlot.rangeLog(Math.max(0.001, low || 0.001), Math.max(0.01, high || 1), 10, true) } : { range: { min: { hard: 0, pad: 0, mode: 1, soft: 0 }, max: { pad: 0.1, soft: 1, mode: 2 } } } },
      series: [{}, ...lines.map((line) => ({ stroke: getComputedStyle(line).color, width: 1.6, dash: line.dataset.line === "failed" ? [5, 3] : undefined, points: { show: true, size: 4, filter: alone }, spanGaps: false }))],
      axes: [{ ...axis, values: clocks, space: 70 }, { ...axis, size: 62, ...(seconds ? { splits: powers } : {}), values: (/** @type {any} */ _, /** @type {(number | null)[]} */ all) => all.map((n) => (n == null ? "" : words(n, seconds))) }],
      hooks: {
        setCursor: [
          (/** @type {any} */ u) => {
            const at = u.cursor.idx ?? u.data[0].length - 1;
            lines.forEach((line, i) => (/** @type {HTMLElement} */ (line.querySelector("b")).textContent = words(u.data[i + 1][at] ?? null, seconds)));
          },
        ],
        setSelect: [(/** @type {any} */ u) => (zoomed = u.select.width > 0)],
      },
    },
    pick(read()),
    place,
  );
  place.addEventListener("dblclick", () => (zoomed = false));
  const sizes = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height }));
  sizes.observe(place);
  return { fill: () => chart.setData(pick(read()), !zoomed), end: () => (sizes.disconnect(), chart.destroy()) };
}

/** @type {ReturnType<typeof draw>[]} */
let charts = [];
function drawAll() {
  for (const chart of charts) chart.end();
  charts = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-chart]")]).map(draw);
}

drawAll();
steps.addEventListener("dueq:live", () => charts.forEach((chart) => chart.fill()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
