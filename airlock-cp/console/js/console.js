// @ts-check
// What the pages gain where scripts run. Everything works without: nothing here decides anything.
import { copyButtons } from "./copy.js";
import { typedConfirmation } from "./confirm.js";
import { closeMenus } from "./menu.js";
import { showPassword } from "./password.js";
import { localTimes } from "./time.js";

copyButtons(document);
typedConfirmation(document);
closeMenus(document);
showPassword(document);
localTimes(document);
