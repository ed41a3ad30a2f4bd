// @ts-check
/**
 * Adds a button that shows what was typed to each password field.
 * @param {Document} page
 */
export function showPassword(page) {
  for (const input of page.querySelectorAll(".password input")) {
    if (!(input instanceof HTMLInputElement)) continue;
    const button = page.createElement("button");
    button.type = "button";
    const tell = () => {
      const hidden = input.type === "password";
      button.textContent = hidden ? "Show" : "Hide";
      button.setAttribute("aria-label", hidden ? "Show what is typed" : "Hide what is typed");
    };
    button.addEventListener("click", () => {
      input.type = input.type === "password" ? "text" : "password";
      tell();
    });
    tell();
    input.after(button);
    input.form?.addEventListener("submit", () => { input.type = "password"; });
  }
}
