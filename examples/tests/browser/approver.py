"""A person with a browser answers an agent that uses the published package. Reads JSON of where, who and which part.

Prints one JSON object: decisions as the agent got them (whoever runs this verifies them), what was seen, and what was wrong.
"""

import json
import sys
from typing import Any

from playwright.sync_api import Browser, expect

from agent import Agent
from approver_answers import an_old_list, buttons_and_doubts, by_keyboard, elsewhere, ends, no_answer, two_taps
from approver_browser import altered, installed, nothing_is_kept, unable
from approver_hostile import hostile
from approver_keys import agents_and_devices, another_person, consent, first_steps, in_advance, lost, own_key_taken_back, refused_pairing, revoked
from approving import DECIDED, POLICIES, card, entries, pair_by_our_code, pair_by_their_code
from chromium import chromium
from console import Visit


def a_life(browser: Browser, given: dict[str, Any], python: str) -> Visit:
    """All of it, at a desk."""
    visit = Visit(browser, given["url"], given["shots"])
    who = {name: given[name] for name in ("url", "email", "password")}
    visit.go("/approvals")
    visit.sign_in(given["email"], given["password"])
    first_steps(visit)
    agent = Agent(python, who)
    pair_by_their_code(visit, agent, look=True)
    two_taps(visit, agent)
    by_keyboard(visit, agent)
    ends(visit, agent)
    an_old_list(visit, agent)
    elsewhere(visit, agent)
    no_answer(visit, agent)
    buttons_and_doubts(visit, agent)
    in_advance(visit, agent)
    consent(visit, agent)
    other = Agent(python, who, enforcer="night-shift", label="Night shift", workspace="reports")
    pair_by_our_code(visit, other, look=True)
    visit.go("/approvals")
    for n in range(3):
        (agent if n else other).ask({"command": f"echo {n}"}, metadata={"requestLabel": f"step {n}"})
    expect(entries(visit.page)).to_have_count(3)
    visit.look("inbox")
    agents_and_devices(visit, agent)
    refused_pairing(visit, other)
    installed(visit)
    nothing_is_kept(visit, ["cargo publish", "rm -rf build", "echo 1", "through a tunnel"])
    lost(visit, agent)
    revoked(visit, agent)
    own_key_taken_back(visit)
    another_person(visit, given)
    agent.end()
    other.end()
    return visit


def on_a_phone(browser: Browser, given: dict[str, Any], python: str, width: int) -> Visit:
    visit = Visit(browser, given["url"], None, size=(width, 800), phone=True)
    who = {name: given[name] for name in ("url", "email", "password")}
    visit.go("/approvals/pair")
    visit.sign_in(given["email"], given["password"])
    agent = Agent(python, who, enforcer=f"phone-{width}", label=f"Agent at {width}")
    pair_by_our_code(visit, agent)
    page = visit.page
    visit.go("/approvals")
    for word in ("Approve", "Reject"):
        asked = agent.ask({"command": f"{word.lower()} me", "plan": ["one", "two"]})
        entries(page).first.tap()
        page.get_by_role("button", name=word).tap()
        expect(card(page)).to_contain_text({"Approve": "Approved.", "Reject": "Rejected."}[word])
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{wider} px wider than {width}"
        DECIDED.append({**agent.decided(asked), "expected": word.lower()})
        page.get_by_role("button", name="Back to the inbox").tap()
    agent.end()
    return visit


def main(given: dict[str, Any]) -> None:
    # Whatever is slower is broken: machines of tests are busy.
    expect.set_options(timeout=40_000)
    python, wrong, seen = given["enforcer"], [], []
    count = 0
    with chromium() as browser:
        if given["part"] == "life":
            visit = a_life(browser, given, python)
            wrong, seen = visit.wrong, visit.seen
            visit.end()
            altered(browser, given)
            wrong += unable(browser, given)
        elif given["part"] == "phone":
            for width in (390, 360):
                visit = on_a_phone(browser, given, python, width)
                wrong += visit.wrong
                visit.end()
        else:
            visit, count = hostile(browser, given, python)
            wrong, seen = visit.wrong, visit.seen
            visit.end()
    json.dump({"decided": DECIDED, "policies": POLICIES, "wrong": wrong, "seen": seen, "count": count}, sys.stdout)


main(json.loads(sys.stdin.read()))
