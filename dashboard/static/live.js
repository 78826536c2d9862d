// @ts-check
// Keeps the parts of a page marked data-live as the server last rendered them: by its event stream,
// and by asking for the page again where there is none. A hidden tab asks for nothing.

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const [main, live, banner, say] = ["main", "live", "banner", "say"].map(element);
const { events = "", page = "", poll = "", quiet = "" } = main.dataset;
const pollEvery = Number(poll);
const retryStreamAfter = 60_000;

// The server renders with html/template, so what it sends is as safe as the page itself was.
const policy = globalThis.trustedTypes?.createPolicy("dueq", { createHTML: (/** @type {string} */ s) => s });

const title = document.title.replace(/^\S+ /, "");
let said = document.getElementById("status")?.dataset.say;
let heard = Date.now();
/** @type {EventSource | undefined} */ let stream;
/** @type {number | undefined} */ let polling;

/** @param {string} html a fragment, or a whole page */
function show(html) {
  const box = document.createElement("template");
  box.innerHTML = policy ? policy.createHTML(html) : html;
  for (const next of box.content.querySelectorAll("[data-live]")) {
    const now = document.getElementById(next.id);
    if (!now || now.isEqualNode(next) || inUse(now)) continue;
    for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    const open = [...now.querySelectorAll("details[id][open]")].map((details) => details.id);
    now.replaceChildren(...next.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (now.id === "status") announce(now.dataset);
    now.dispatchEvent(new CustomEvent("dueq:live", { bubbles: true }));
  }
  heard = Date.now();
  age();
}

/** Rows do not change under someone who is selecting text in them or stands on a link of theirs. */
function inUse(/** @type {Element} */ part) {
  const selection = document.getSelection();
  const selects = selection && !selection.isCollapsed && selection.containsNode(part, true);
  const focused = document.activeElement;
  return selects || (focused !== part && part.contains(focused));
}

/** A screen reader hears when the verdict changes, not when its numbers do. */
function announce(/** @type {DOMStringMap} */ verdict) {
  document.title = `${verdict.mark} ${title}`;
  if (verdict.say === said) return;
  said = verdict.say;
  say.textContent = said ?? "";
}

/** Old numbers never look like new ones. */
function age() {
  const silence = Date.now() - heard;
  const lost = silence > (polling ? 3 * pollEvery : Number(quiet));
  if (lost && banner.hidden) say.textContent = banner.dataset.say ?? "";
  if (lost) banner.textContent = (banner.dataset.text ?? "").replace("%s", `${Math.round(silence / 1000)} s`);
  banner.hidden = !lost;
  main.classList.toggle("lost", lost);
  live.hidden = false;
  live.textContent = (lost ? live.dataset.staleWord : polling ? live.dataset.pollWord : live.dataset.liveWord) ?? "";
  live.classList.toggle("lost", lost);
}

function listen() {
  halt();
  stream = new EventSource(events);
  stream.addEventListener("fragment", (event) => show(event.data));
  // The browser reconnects by itself, except where the server refused the stream.
  stream.addEventListener("error", () => stream?.readyState === EventSource.CLOSED && ask(retryStreamAfter));
}

/** Polls for a while, then tries the stream again. */
function ask(/** @type {number} */ left) {
  halt();
  polling = setTimeout(() => (left > 0 ? ask(left - pollEvery) : listen()), pollEvery);
  fetch(page, { cache: "no-store" })
    .then((answer) => (answer.status === 401 ? location.reload() : answer.ok ? answer.text() : Promise.reject(answer.status)))
    .then((html) => !html || document.hidden || show(html))
    .catch(() => {}); // silence is what age() watches
}

function halt() {
  stream?.close();
  clearTimeout(polling);
  stream = polling = undefined;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return halt();
  heard = Date.now();
  listen();
});
setInterval(() => document.hidden || age(), 1000);
if (!document.hidden) listen();
