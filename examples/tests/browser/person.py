"""A person at a browser, real Chromium: signs in where a page asks for it, and decides on what it asks."""

import json
import sys
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from chromium import chromium


def sign_in(page: Page, email: str, password: str) -> None:
    """On the sign-in page, wherever it was met."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def decide(url: str, email: str, password: str, button: str = "Allow") -> dict[str, object]:
    """Opens what a client asked to open, signs in, presses the button; what was read on the way, and where it ended.

    Nothing was read where the same had been agreed to before: then nobody is asked."""
    with chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        sign_in(page, email, password)
        consent = page.get_by_role("button", name=button, exact=True)

        def is_back(now: str) -> bool:
            return "code=" in urlsplit(now).query or "error=" in urlsplit(now).query

        for _ in range(600):
            if is_back(page.url) or consent.is_visible():
                break
            page.wait_for_timeout(50)
        read = ""
        if not is_back(page.url):
            read = page.get_by_role("main").inner_text()
            consent.click()
            page.wait_for_url(is_back)
        return {"read": read, "ended": page.url}


def confirm_device(url: str, email: str, password: str, button: str = "Allow") -> dict[str, object]:
    """The same for the page that a device shows the address of."""
    with chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        sign_in(page, email, password)
        page.get_by_role("button", name="Continue", exact=True).click()
        decision = page.get_by_role("button", name=button, exact=True)
        expect(decision).to_be_visible()
        read = page.get_by_role("main").inner_text()
        decision.click()
        page.wait_for_load_state()
        return {"read": read, "ended": page.get_by_role("main").inner_text()}


if __name__ == "__main__":
    print(json.dumps(decide(*sys.argv[1:])))
