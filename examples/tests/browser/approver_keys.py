"""Around the requests: answers in advance, consent, agents and devices, keys that are lost or taken back, another person."""

from playwright.sync_api import expect

from agent import Agent
from approving import DECIDED, POLICIES, card, entries, heading, pair_by_their_code
from console import Visit


def first_steps(visit: Visit) -> None:
    for path, says, name in [
        ("/approvals", "An agent can ask you once it is paired", "inbox_empty"),
        ("/approvals/devices", "No agent is paired", "devices_empty"),
        ("/approvals/quiet", "Pair an agent first", "quiet_empty"),
        ("/approvals/apps", "No app asked yet", "apps_none"),
        ("/approvals/history", "Nothing was asked yet", "history_empty"),
    ]:
        visit.go(path)
        expect(visit.page.get_by_role("main")).to_contain_text(says)
        visit.look(name)


def in_advance(visit: Visit, agent: Agent) -> None:
    page = visit.page
    visit.go("/approvals/quiet")
    page.get_by_label("Answer", exact=True).select_option("approve_all")
    page.get_by_label("For", exact=True).select_option("60")
    expect(page.get_by_role("main")).to_contain_text("Nobody looks.")
    visit.press("Sign and turn on")
    expect(page.get_by_role("main")).to_contain_text("On: it is approved without you.")
    visit.look("quiet")
    told = agent.do("standing")
    assert told["modes"] == ["approve_all"], told
    POLICIES.append({"policy": told["raw"][0], "answer": agent.paired["answer"], "nonce": agent.paired["nonce"]})
    visit.press("Turn off")
    visit.press("Yes, turn it off")
    expect(page.get_by_role("main")).to_contain_text("You are asked about everything.")
    assert agent.do("standing")["modes"] == []
    page.get_by_label("Only commands that begin with").fill("git status")
    page.get_by_label("For", exact=True).select_option("tomorrow")
    visit.press("Sign and turn on")
    expect(page.get_by_role("main")).to_contain_text("git status")
    told = agent.do("standing")
    POLICIES.append({"policy": told["raw"][0], "answer": agent.paired["answer"], "nonce": agent.paired["nonce"]})
    visit.press("Turn off")
    visit.press("Yes, turn it off")
    expect(page.get_by_role("main")).to_contain_text("You are asked about everything.")


def consent(visit: Visit, agent: Agent) -> None:
    page = visit.page
    first = agent.do("app", name="Deploy <b>bot</b>")
    assert first["refused"] == "app_consent_required" and first["url"] == visit.url + "/approvals/apps", first
    page.goto(first["url"])
    expect(page.get_by_role("main")).to_contain_text("wants to ask")
    visit.look("apps")
    visit.press("Allow")
    expect(page.get_by_role("main")).to_contain_text("may ask you.")
    assert agent.do("app")["consent"] == "approved"
    visit.press("Take permission back")
    visit.press("Yes, take it back")
    expect(page.get_by_role("main")).to_contain_text("may not ask you any more")
    assert agent.do("app")["refused"] == "app_consent_denied"


def agents_and_devices(visit: Visit, agent: Agent) -> None:
    page = visit.page
    agent.do("heartbeat")
    visit.go("/approvals/devices")
    expect(page.locator("[data-state='presence build-agent']")).to_have_text("online")
    expect(page.get_by_role("main")).to_contain_text("this browser")
    visit.look("devices")
    visit.go("/approvals/history")
    expect(page.get_by_role("main")).to_contain_text("not on a Friday")
    page.locator("summary", has_text="What was asked").first.click()
    expect(page.locator(".asked").first).to_be_visible()
    visit.look("history")


def refused_pairing(visit: Visit, agent: Agent) -> None:
    page = visit.page
    visit.go("/approvals/pair")
    visit.fill("Code", "ZZZZZZ")
    visit.press("Look it up")
    expect(page.get_by_role("alert")).to_contain_text("No such code.")
    visit.look("pair_failed")
    begun = agent.do("initiate")
    visit.fill("Code", begun["code"])
    page.get_by_label("Code", exact=True).press("Enter")
    heading(page, "Is this your agent?")
    visit.press("No, refuse it")
    expect(page.get_by_role("main")).to_contain_text("Refused.")
    assert agent.do("paired")["state"] == "Revoked"


def lost(visit: Visit, agent: Agent) -> None:
    """The browser's data is gone: it says so, leads to pairing, and the new key is the one that is believed."""
    page = visit.page
    visit.go("/profile")
    page.evaluate("""async () => { for (const { name } of await indexedDB.databases()) await new Promise((done, failed) => {
      // A page that was just left may hold it for a moment.
      const gone = indexedDB.deleteDatabase(name); gone.onsuccess = done; gone.onerror = failed; }); }""")
    agent.ask({"command": "sealed for the key that is gone"})
    visit.go("/approvals")
    expect(page.get_by_role("main")).to_contain_text("No keys are in this browser.")
    visit.look("no_keys")
    entries(page).first.click()
    expect(card(page)).to_contain_text("This browser has no key for this request.")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    # It has no channel open; a page that lies about that would have the person wait for nothing.
    page.get_by_role("button", name="Have the agent ask again").click()
    expect(card(page)).to_contain_text("The enforcer has no open channel")
    visit.look("request_no_key")
    waiting = page.title()
    page.get_by_role("button", name="Put it out of the inbox").click()
    expect(entries(page).first).to_be_visible()
    assert page.title() != waiting, "one less waits"
    page.get_by_role("link", name="Pair again").click()
    pair_by_their_code(visit, agent)
    visit.go("/approvals")
    asked = agent.ask({"command": "sealed for the new one"})
    entries(page).first.click()
    page.get_by_role("button", name="Approve").click()
    expect(card(page)).to_contain_text("Approved.")
    DECIDED.append({**agent.decided(asked), "expected": "approve"})
    # The lost key is taken back, and its pairings with it.
    visit.go("/approvals/devices")
    lost = page.locator(".thing", has=page.get_by_role("heading", name="Chrome on Linux")).filter(has_not_text="this browser").filter(has_not_text="taken back")
    lost = lost.filter(has=page.get_by_role("button", name="Take back")).last
    lost.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Yes, take it back").click()
    expect(page.get_by_role("main")).to_contain_text("The key is taken back.")
    visit.look("devices_taken_back")


def revoked(visit: Visit, agent: Agent) -> None:
    page = visit.page
    visit.go("/approvals/devices")
    ends = page.get_by_role("button", name="End pairing")
    expect(ends.first).to_be_visible()
    for left in reversed(range(ends.count())):
        ends.first.click()
        visit.press("Yes, end it")
        expect(ends).to_have_count(left)
    told = agent.ask({"command": "may I still"})
    assert told["refused"] == "pairing_revoked", told


def own_key_taken_back(visit: Visit) -> None:
    page = visit.page
    visit.go("/approvals/devices")
    own = page.locator(".thing").filter(has_text="this browser")
    own.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Yes, take it back").click()
    expect(page.get_by_role("main")).to_contain_text("This browser’s key answers for you no longer.")
    visit.look("own_key_taken_back")
    visit.go("/approvals/pair")
    visit.press("Make new keys")
    expect(page.get_by_label("Code", exact=True)).to_be_visible()


def another_person(visit: Visit, given: dict[str, str]) -> None:
    """Two people share a browser, and no keys; a tab that was left open is nobody's."""
    page, left_open = visit.page, visit.context.new_page()
    left_open.goto(visit.url + "/approvals")
    expect(left_open.locator("#live")).to_have_text("live")
    visit.go("/profile")
    page.locator("summary", has_text="Account:").click()
    visit.press("Sign out")
    # The stream ends with the session, and what the page asks is refused.
    expect(left_open.locator("#live")).to_have_text("paused")
    expect(left_open.get_by_role("main")).to_contain_text("You are signed out")
    visit.go("/approvals/devices")
    visit.sign_in(given["other"], given["password"])
    expect(page.get_by_role("main")).to_contain_text("No key answers for you yet.")
    expect(left_open.get_by_role("main")).to_contain_text("made for another person")
    visit.go("/approvals/pair")
    agent = Agent(given["enforcer"], {"url": given["url"], "email": given["other"], "password": given["password"]}, enforcer="of-the-other", label="Other")
    pair_by_their_code(visit, agent)
    kept = page.evaluate("indexedDB.databases().then(all => all.map(one => one.name))")
    assert len({name.split()[1] for name in kept}) == 2, kept
    agent.end()
    left_open.close()
