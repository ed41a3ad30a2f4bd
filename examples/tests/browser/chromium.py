"""The browser of the tests: Debian's Chromium, quiet, and reaching nothing but the pages under test."""

import os
from contextlib import contextmanager
from typing import Iterator

from playwright.sync_api import Browser, sync_playwright

QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, as root or not."""
    args = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["AIRLOCK_TEST_CHROMIUM"], args=args)
        try:
            yield browser
        finally:
            browser.close()
