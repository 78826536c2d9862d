// @ts-check
// Shortcuts of single keys: g and a letter goes to a page, j and k walk the rows of a list. They are
// off where somebody turned them off, while a field has the focus, and with Ctrl, Alt or Meta.

const help = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
let going = 0; // when g was pressed

const rows = () => [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("tr[data-row]"))];

/** Moves the focus to the link of the row after, or before, the one that has it. */
function walk(/** @type {number} */ step) {
  const all = rows();
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1)];
  /** @type {HTMLElement | null | undefined} */ (next?.querySelector("a, button, input"))?.focus();
}

function choose() {
  const row = rows().find((each) => each.contains(document.activeElement));
  /** @type {HTMLInputElement | null | undefined} */ (row?.querySelector("input[type=checkbox]"))?.click();
}

/** @type {Record<string, () => void>} */
const keys = {
  "/": () => document.getElementById("find")?.focus(),
  "?": () => help.showModal(),
  j: () => walk(1),
  k: () => walk(-1),
  x: choose,
  r: () => location.reload(),
  g: () => (going = Date.now()),
};

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!("keys" in document.body.dataset) || event.ctrlKey || event.altKey || event.metaKey || help.open) return;
  if (target.isContentEditable || (target.matches("input, textarea, select") && !target.matches("[type=checkbox]"))) return;
  const page = Date.now() - going < 1500 && help.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
  going = 0;
  if (page instanceof HTMLAnchorElement) location.assign(page.href);
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});

// A menu closes when somebody presses Escape or clicks elsewhere.
const menu = /** @type {HTMLDetailsElement} */ (document.getElementById("menu"));
document.addEventListener("click", (event) => menu.contains(/** @type {Node} */ (event.target)) || (menu.open = false));
menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});
