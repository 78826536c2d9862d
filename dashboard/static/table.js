// @ts-check
// Lists in which rows are picked: a box for all, ranges with Shift, and how many are picked.

for (const form of document.querySelectorAll("form.acts")) {
  const boxes = [.../** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[name=job]"))];
  const all = /** @type {HTMLInputElement | null} */ (form.querySelector("input[data-all]"));
  const says = /** @type {HTMLElement | null} */ (form.querySelector("[data-picked]"));
  if (!all || !says) continue;
  const none = says.textContent;
  let last = -1;

  const tell = () => {
    const picked = boxes.filter((box) => box.checked).length;
    all.checked = picked > 0 && picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
    says.textContent = picked > 0 ? (says.dataset.picked ?? "").replace("%s", String(picked)) : none;
    for (const button of form.querySelectorAll("button[name=act]")) /** @type {HTMLButtonElement} */ (button).disabled = picked === 0;
  };

  form.addEventListener("click", (event) => {
    const at = boxes.indexOf(/** @type {HTMLInputElement} */ (event.target));
    if (at < 0) return;
    if (/** @type {MouseEvent} */ (event).shiftKey && last >= 0) {
      for (const box of boxes.slice(Math.min(at, last), Math.max(at, last) + 1)) box.checked = boxes[at].checked;
    }
    last = at;
    tell();
  });
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  // A page that is gone back to has its boxes as they were left.
  addEventListener("pageshow", tell);
  all.hidden = false;
  tell();
}
