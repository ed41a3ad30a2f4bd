"""Requests that a person answers, or does not: live, by keyboard, in two tabs, without a connection, in doubt."""

from playwright.sync_api import APIResponse, Route, expect

from agent import Agent
from approving import DECIDED, card, entries
from console import Visit


def two_taps(visit: Visit, agent: Agent) -> None:
    """The page is open; a request comes, is opened by one press and approved by another."""
    page = visit.page
    visit.go("/approvals")
    expect(page.locator("#live")).to_have_text("live")
    asked = agent.ask({"command": "cargo publish --dry-run", "cwd": "/srv/shop", "env": {"CI": "true", "RUST_LOG": "info"}})
    entries(page).first.click()
    expect(card(page)).to_contain_text("hash verified")
    rows = card(page).locator(".asked").inner_text()
    assert "cargo publish --dry-run" in rows and '"CI": "true"' in rows, rows
    visit.look("request")
    page.get_by_role("button", name="Approve").click()
    expect(card(page)).to_contain_text("Approved.")
    visit.look("approved")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})
    page.get_by_role("button", name="Back to the inbox").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing waits for you")


def by_keyboard(visit: Visit, agent: Agent) -> None:
    page = visit.page
    visit.go("/approvals")
    asked = agent.ask({"command": "rm -rf build"}, metadata={"requestLabel": "clean up"})
    expect(entries(page)).to_have_count(1)
    expect(page.locator("#said")).to_contain_text("A new request from Build agent")
    page.locator(".skip").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('entry')"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Build agent asks")).to_be_focused()
    reject = page.get_by_role("button", name="Reject")
    expect(reject).to_be_enabled()
    page.get_by_label("Reason").focus()
    page.keyboard.type("not on a Friday")
    for _ in range(10):
        page.keyboard.press("Tab")
        if reject.evaluate("e => e === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(card(page)).to_contain_text("Rejected.")
    told = agent.decided(asked)
    assert told["decision"]["reason"] == "not on a Friday"
    DECIDED.append({**told, "expected": "reject"})


def ends(visit: Visit, agent: Agent) -> None:
    """What ends without the person, while they look at it."""
    page = visit.page
    visit.go("/approvals")
    asked = agent.ask({"command": "soon over"}, seconds=20)
    entries(page).first.click()
    expect(card(page)).to_contain_text("It has expired.")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    visit.look("expired")
    assert agent.do("wait", request=asked["request"])["refused"] == "expired"
    page.get_by_role("button", name="Back to the inbox").click()
    asked = agent.ask({"command": "not so sure"})
    entries(page).first.click()
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    agent.do("withdraw", request=asked["request"])
    expect(card(page)).to_contain_text("The agent took it back.")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def an_old_list(visit: Visit, agent: Agent) -> None:
    """Lists that were on their way while something was asked, and while something ended, hide nothing and bring nothing back."""
    page = visit.page
    over = agent.ask({"command": "over before it is seen"})
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/api/v1/approver/inbox*", lambda route: held.append((route, route.fetch())))
    visit.go("/approvals")
    expect(page.locator("#live")).to_have_text("live")
    asked = agent.ask({"command": "newer than the list"})
    expect(page).to_have_title("(2) Inbox · Airlock")
    agent.do("withdraw", request=over["request"])
    expect(page).to_have_title("(1) Inbox · Airlock")
    for route, answer in held:
        route.fulfill(response=answer)
    page.unroute("**/api/v1/approver/inbox*")
    expect(entries(page)).to_have_count(1)
    entries(page).first.click()
    expect(card(page)).to_contain_text("newer than the list")
    page.get_by_role("button", name="Reject").click()
    expect(card(page)).to_contain_text("Rejected.")
    DECIDED.append({**agent.decided(asked), "expected": "reject"})


def elsewhere(visit: Visit, agent: Agent) -> None:
    """Two tabs: one hears that the other decided; one that hears nothing is told when it tries."""
    page, other = visit.page, visit.context.new_page()
    visit.go("/approvals")
    asked = agent.ask({"command": "twice"})
    entries(page).first.click()
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    other.goto(visit.url + "/approvals")
    entries(other).first.click()
    other.get_by_role("button", name="Reject").click()
    expect(card(other)).to_contain_text("Rejected.")
    expect(card(page)).to_contain_text("It was rejected elsewhere.")
    DECIDED.append({**agent.decided(asked), "expected": "reject"})
    # Without its stream the page says so.
    page.route("**/api/v1/approver/events*", lambda route: route.fulfill(status=204))
    asked = agent.ask({"command": "thrice"})
    visit.go("/approvals")
    expect(page.locator("#live")).to_have_text("paused")
    entries(page).first.click()
    expect(page.get_by_role("button", name="Reject")).to_be_enabled()
    other.goto(visit.url + "/approvals")
    entries(other).first.click()
    other.get_by_role("button", name="Approve").click()
    expect(card(other)).to_contain_text("Approved.")
    page.get_by_role("button", name="Reject").click()
    expect(card(page)).to_contain_text("It was approved elsewhere.")
    visit.look("late")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})
    page.unroute("**/api/v1/approver/events*")
    other.close()


def no_answer(visit: Visit, agent: Agent) -> None:
    """The answer to a decision is lost: it is said, and sending once more sends the same."""
    page = visit.page
    visit.go("/approvals")
    asked = agent.ask({"command": "through a tunnel"})
    entries(page).first.click()
    sent: list[str] = []

    def lose(route: Route) -> None:
        sent.append(route.request.post_data or "")
        route.abort() if len(sent) == 1 else route.continue_()

    page.route("**/api/v1/approver/decisions", lose)
    page.get_by_role("button", name="Approve").click()
    expect(card(page)).to_contain_text("No answer came.")
    assert "Approved." not in card(page).inner_text()
    page.get_by_role("button", name="Send it again").click()
    expect(card(page)).to_contain_text("Approved.")
    assert len(sent) == 2 and sent[0] == sent[1]
    page.unroute("**/api/v1/approver/decisions")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})
    # The browser tells of the request that was aborted.
    visit.wrong[:] = [one for one in visit.wrong if "ERR_FAILED" not in one]


def buttons_and_doubts(visit: Visit, agent: Agent) -> None:
    page = visit.page
    actions = [
        {"id": "ship", "caption": "Ship it to everybody", "decision": "approve", "style": "primary"},
        {"id": "half", "caption": "Ship it to half", "decision": "approve", "style": "secondary"},
        {"id": "stop", "caption": "Stop the train", "decision": "reject", "style": "danger"},
    ]
    extension = {"org.harp.requestedActions": {"version": 1, "actions": actions}}
    visit.go("/approvals")
    asked = agent.ask({"title": "Release 4.2", "extensions": extension})
    entries(page).first.click()
    expect(card(page).locator(".decide button")).to_have_text(["Approve“Ship it to everybody”", "Approve“Ship it to half”", "Reject“Stop the train”"])
    assert "requestedActions" not in card(page).inner_text()
    visit.look("request_buttons")
    page.get_by_role("button", name="Ship it to half").click()
    expect(card(page)).to_contain_text("Approved.")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})

    visit.go("/approvals")
    asked = agent.ask({"command": "something"}, hash="0" * 64)
    entries(page).first.click()
    expect(card(page)).to_contain_text("not verifiable")
    expect(page.get_by_role("button", name="Reject")).to_be_enabled()
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    visit.look("request_unverified")
    page.get_by_label("I know that nobody can tell").check()
    page.get_by_role("button", name="Approve").click()
    expect(card(page)).to_contain_text("Approved.")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})

    visit.go("/approvals")
    asked = agent.ask({"diff": "+ a line of a patch\n" * 30_000, "title": "t" * 1_000})
    entries(page).first.click()
    expect(card(page)).to_contain_text("characters not shown")
    expect(page.get_by_role("button", name="Reject")).to_be_enabled()
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    page.get_by_role("button", name="Show all of it").click()
    expect(card(page)).not_to_contain_text("characters not shown")
    page.get_by_role("button", name="Approve").click()
    expect(card(page)).to_contain_text("Approved.")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})
