"""A person at a browser, real Chromium: signs in where a page asks for it, and decides on what it asks."""

import os
from contextlib import contextmanager
from typing import Iterator

from playwright.sync_api import Page, expect, sync_playwright

# Nothing but the pages under test is to be reached.
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser that has never been anywhere."""
    args = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=os.environ["AIRLOCK_TEST_CHROMIUM"], args=args)
        try:
            yield chromium.new_context().new_page()
        finally:
            chromium.close()


def sign_in(page: Page, email: str, password: str) -> None:
    """On the sign-in page, wherever it was met."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def decide(url: str, email: str, password: str, button: str = "Allow") -> dict[str, object]:
    """Opens what a client asked to open, signs in, presses the button; what was read on the way, and where it ended."""
    with browser_page() as page:
        page.goto(url)
        sign_in(page, email, password)
        consent = page.get_by_role("button", name=button, exact=True)
        expect(consent).to_be_visible()
        read = page.get_by_role("main").inner_text()
        consent.click()
        page.wait_for_url(lambda now: "code=" in now or "error=" in now)
        return {"read": read, "ended": page.url}


def confirm_device(url: str, email: str, password: str, button: str = "Allow") -> dict[str, object]:
    """The same for the page that a device shows the address of."""
    with browser_page() as page:
        page.goto(url)
        sign_in(page, email, password)
        confirm = page.get_by_role("button", name="Continue", exact=True)
        if confirm.is_visible():
            confirm.click()
        decision = page.get_by_role("button", name=button, exact=True)
        expect(decision).to_be_visible()
        read = page.get_by_role("main").inner_text()
        decision.click()
        page.wait_for_load_state()
        return {"read": read, "ended": page.get_by_role("main").inner_text()}
