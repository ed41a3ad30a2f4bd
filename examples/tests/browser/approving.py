"""What every part of the approver's visit does: pairs, and finds what the page shows."""

from typing import Any

from playwright.sync_api import Page, expect

from agent import Agent
from console import Visit

DECIDED: list[dict[str, Any]] = []
POLICIES: list[dict[str, Any]] = []


def card(page: Page) -> Any:
    return page.locator(".request")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text)).to_be_visible()


def entries(page: Page) -> Any:
    return page.locator(".entry")


def pair_by_their_code(visit: Visit, agent: Agent, look: bool = False) -> None:
    page = visit.page
    begun = agent.do("initiate")
    visit.go("/approvals/pair")
    if look:
        visit.look("pair")
    visit.fill("Code", begun["code"].lower())
    visit.press("Look it up")
    heading(page, "Is this your agent?")
    told = page.get_by_role("main").inner_text()
    assert begun["key"] in told and (len(agent.named["workspace"]) > 60 or agent.named["workspace"] in told), told
    if look:
        visit.look("pair_confirm")
    own = page.locator("#fingerprint").inner_text()
    visit.press("Yes, pair")
    heading(page, "Paired with")
    if look:
        visit.look("paired")
    assert agent.is_paired() == own


def pair_by_our_code(visit: Visit, agent: Agent, look: bool = False) -> None:
    page = visit.page
    visit.go("/approvals/pair")
    visit.press("Make a code")
    code = page.locator("#made").inner_text()
    if look:
        visit.look("pair_code")
    agent.do("claim", code=code)
    # Nobody has to reload: the page hears of it.
    heading(page, "Is this your agent?")
    own = page.locator("#fingerprint").inner_text()
    visit.press("Yes, pair")
    heading(page, "Paired with")
    assert agent.is_paired() == own
