"""The console in real Chromium: what every page must be, and a visit that its tests share.

A page must cause no console error, no report of its security policy and no request to another origin, must have no serious
finding of axe, must not be wider than the window, and its controls must be reached by keyboard.
"""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
LOOKS = [(width, scheme) for width in (1280, 360) for scheme in ("light", "dark")]
REPORTS = """addEventListener("securitypolicyviolation", e =>
  console.error("policy: " + e.violatedDirective + " " + e.blockedURI))"""


class Visit:
    """One browser profile on one control plane; what goes wrong on any of its pages is kept."""

    def __init__(self, browser: Browser, url: str, shots: str | None, scripts: bool = True, size: tuple[int, int] = (1280, 800), phone: bool = False) -> None:
        self.url = url
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        self.shots = Path(shots) if shots else None
        self.wrong: list[str] = []
        self.seen: list[str] = []
        self.may_lead_to: set[str] = set()
        self.size = {"width": size[0], "height": size[1]}
        self.context: BrowserContext = browser.new_context(
            viewport=self.size, reduced_motion="reduce", java_script_enabled=scripts, has_touch=phone, is_mobile=phone
        )
        if scripts:
            self.context.add_init_script(REPORTS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._request)

    def _console(self, message) -> None:
        # A page that refuses a form, or tells of a failure, bears its status; the browser mentions that.
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.wrong.append(f"{self.page.url}: {message.text}")

    def _request(self, request) -> None:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(request.url))
        if origin != self.origin and origin not in self.may_lead_to:
            self.wrong.append(f"{self.page.url}: asked {request.url}")

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def says(self, text: str) -> None:
        assert text in self.page.get_by_role("main").inner_text(), self.page.get_by_role("main").inner_text()

    def sign_in(self, email: str, password: str) -> None:
        self.fill("E-mail", email)
        self.fill("Password", password)
        self.press("Sign in")

    def look(self, name: str, deep: bool = True) -> None:
        """Looks at the page that is shown: at both widths, light and dark, with axe, and along its tab stops."""
        self.seen.append(name)
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            if self.shots:
                self.shots.mkdir(parents=True, exist_ok=True)
                self.page.screenshot(path=self.shots / f"{name}_{width}_{scheme}.png", full_page=True)
            wider = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wider > 0:
                self.wrong.append(f"{name} at {width}: {wider} px wider than the window")
            if deep:
                self.axe(f"{name} at {width} {scheme}")
        self.page.set_viewport_size(self.size)
        self.page.emulate_media(color_scheme="light")
        self._tab(name)

    def axe(self, name: str) -> None:
        """Looks for what keeps people out who see, hear or move differently."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("""axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations
          .filter(v => ["serious", "critical"].includes(v.impact))
          .map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ")).join(", ")))""")
        self.wrong.extend(f"{name}: axe {finding}" for finding in found)

    def _tab(self, name: str) -> None:
        """Every control that is shown is a tab stop, in the order of the page, with a ring around it."""
        controls = self.page.evaluate("""() => { let n = 0;
          for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
            if (e.disabled || !e.checkVisibility({visibilityProperty: true}) || e.matches("input[type=radio]")) continue;
            e.dataset.stop = ++n; } return n; }""")
        met = []
        # The first stop leads past the navigation; from there on the keyboard alone moves.
        self.page.locator(".skip").focus()
        for n in range(controls + 10):
            if n:
                self.page.keyboard.press("Tab")
            at = self.page.evaluate("""() => { const e = document.activeElement; const s = getComputedStyle(e);
              if (e === document.body) return null;
              return [Number(e.dataset.stop ?? 0), s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2]; }""")
            if at is None:
                break
            if at[0]:
                if met and at[0] <= met[-1]:
                    break
                met.append(at[0])
                if n and not at[1]:
                    self.wrong.append(f"{name}: stop {at[0]} has no ring")
        missed = sorted(set(range(1, controls + 1)) - set(met))
        if missed:
            what = self.page.evaluate("s => document.querySelector(`[data-stop='${s}']`).outerHTML.slice(0, 120)", missed[0])
            self.wrong.append(f"{name}: {len(missed)} controls are no tab stops, such as {what}")

    def end(self) -> None:
        self.context.close()


def challenge(verifier: str) -> str:
    """PKCE, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def mail_link(folder: str, path: str) -> str:
    """The path and query of the newest link of this kind among the mails that were sent."""
    from email import message_from_bytes, policy
    from time import monotonic, sleep

    begun = monotonic()
    while monotonic() - begun < 20:
        for file in sorted(Path(folder).iterdir(), key=lambda f: f.stat().st_mtime_ns, reverse=True):
            text = message_from_bytes(file.read_bytes(), policy=policy.default).get_content()
            for word in text.split():
                if path + "?" in word:
                    link = urlsplit(word)
                    return f"{link.path}?{link.query}"
        sleep(0.05)
    raise AssertionError(f"no mail with {path}")
