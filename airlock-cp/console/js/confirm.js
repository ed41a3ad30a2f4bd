// @ts-check
/**
 * Lets a destructive form go only once its word is typed: `<input data-confirm="WORD">`. The server checks it anyway.
 * @param {Document} page
 */
export function typedConfirmation(page) {
  for (const input of page.querySelectorAll("input[data-confirm]")) {
    if (!(input instanceof HTMLInputElement)) continue;
    const button = input.form?.querySelector("button");
    if (!(button instanceof HTMLButtonElement)) continue;
    const look = () => { button.disabled = input.value.trim() !== input.dataset.confirm; };
    input.addEventListener("input", look);
    look();
  }
}
