// @ts-check
/**
 * Shows a copy button beside each secret: `<button hidden data-copy="ID">`, where ID names the element with the text.
 * @param {Document} page
 */
export function copyButtons(page) {
  if (!navigator.clipboard) return;
  for (const button of page.querySelectorAll("button[data-copy]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    const from = page.getElementById(button.dataset.copy ?? "");
    if (!from) continue;
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText((from.textContent ?? "").trim());
        button.textContent = "Copied";
      } catch {
        getSelection()?.selectAllChildren(from);
        button.textContent = "Selected: press Ctrl+C";
      }
      setTimeout(() => { button.textContent = label; }, 2500);
    });
  }
}
