"""A person with a browser answers an agent that uses the published package. Its one argument: JSON of where and who.

Prints one JSON object: decisions as the agent got them (whoever runs this verifies them), what was seen, and what was wrong.
"""

import json
import sys
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from agent import Agent
from chromium import chromium
from console import Visit

# Controls, marks of direction, no width, odd spaces: none of it may be on the page. Line ends part what the page itself parts.
ACTIVE = r"/(?![\n ])[\p{Cc}\p{Cs}\u00a0\u00ad\u061c\u034f\u115f\u1160\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\u{e0000}-\u{e0fff}]/u"
DECIDED: list[dict[str, Any]] = []
POLICIES: list[dict[str, Any]] = []


def card(page: Page) -> Any:
    return page.locator(".request")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text)).to_be_visible()


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


def entries(page: Page) -> Any:
    return page.locator(".entry")


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
    for _ in range(10):
        ends = page.get_by_role("button", name="End pairing")
        left = ends.count()
        if not left:
            break
        ends.first.click()
        visit.press("Yes, end it")
        expect(page.get_by_role("button", name="End pairing")).to_have_count(left - 1)
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


def installed(visit: Visit) -> None:
    """A phone may keep it; without a connection it says so; nothing but the shell is kept."""
    page = visit.page
    visit.go("/approvals")
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then(r => r.json())")
    for icon in manifest["icons"]:
        size = page.evaluate("src => createImageBitmap ? fetch(src).then(r => r.blob()).then(createImageBitmap).then(i => `${i.width}x${i.height}`) : 0", icon["src"])
        assert size == icon["sizes"], icon
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    visit.go("/approvals/history")
    visit.context.set_offline(True)
    page.goto(visit.url + "/approvals")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    visit.look("offline", deep=False)
    visit.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    expect(page.locator("#live")).to_have_text("live")
    kept = page.evaluate("caches.keys().then(async names => (await Promise.all(names.map(async n => (await (await caches.open(n)).keys()).map(r => new URL(r.url).pathname)))).flat())")
    odd = [path for path in kept if not path.startswith("/assets/") and path != "/approvals/offline"]
    assert kept and not odd, odd
    visit.wrong[:] = [one for one in visit.wrong if "ERR_INTERNET_DISCONNECTED" not in one]


def nothing_is_kept(visit: Visit, words: list[str]) -> None:
    """No storage of the browser holds a word of what was decrypted."""
    held = visit.page.evaluate("""async () => {
      const all = [JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}), location.href, document.cookie];
      for (const { name } of await indexedDB.databases()) {
        const base = await new Promise(done => { const r = indexedDB.open(name); r.onsuccess = () => done(r.result); });
        for (const store of base.objectStoreNames) {
          const rows = await new Promise(done => { const r = base.transaction(store).objectStore(store).getAll(); r.onsuccess = () => done(r.result); });
          for (const row of rows) {
            all.push(JSON.stringify(row));
            const key = row.contentKey ?? row.privateKey;
            if (key.extractable) all.push("extractable");
          }
        }
        base.close();
      }
      for (const name of await caches.keys()) for (const one of await (await caches.open(name)).keys()) all.push(await (await caches.match(one)).text());
      return all.join("\\n"); }""")
    for word in [*words, "extractable"]:
        if word in held:
            visit.wrong.append(f"kept: {word}")


def altered(browser: Browser, given: dict[str, str]) -> None:
    """A script that was changed on its way does not run."""
    visit = Visit(browser, given["url"], None)
    page = visit.page
    visit.go("/login")
    visit.sign_in(given["email"], given["password"])

    def change(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\nglobalThis.altered = true;\n")

    page.route("**/js/approver-crypto.js", change)
    visit.go("/approvals")
    page.wait_for_function("performance.getEntriesByType('resource').some(e => e.name.endsWith('approver-crypto.js'))")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("globalThis.altered") is None
    assert page.locator("#approver").inner_text() == "", page.locator("#approver").inner_text()
    assert any("integrity" in one for one in visit.wrong), visit.wrong
    visit.end()


def unable(browser: Browser, given: dict[str, str]) -> list[str]:
    visit = Visit(browser, given["url"], given["shots"])
    lacks = """const make = crypto.subtle.generateKey.bind(crypto.subtle);
      crypto.subtle.generateKey = (how, ...more) => how.name === "X25519" ? Promise.reject(new DOMException("no", "NotSupportedError")) : make(how, ...more);"""
    visit.context.add_init_script(lacks)
    visit.go("/login")
    visit.sign_in(given["email"], given["password"])
    visit.go("/approvals")
    expect(visit.page.get_by_role("main")).to_contain_text("This browser lacks X25519.")
    visit.look("unable")
    visit.end()
    return visit.wrong


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


INERT = """() => { const around = document.querySelector(".request"); const found = [];
  const known = new Set(["SECTION", "DIV", "DL", "DT", "DD", "H2", "H3", "P", "SPAN", "BDI", "STRONG", "BUTTON", "DETAILS", "SUMMARY", "CODE", "TIME",
    "LABEL", "INPUT", "SMALL"]);
  for (const e of around.querySelectorAll("*")) {
    if (!known.has(e.tagName)) found.push("element " + e.tagName);
    for (const a of e.attributes) if (/^on|^style$|^src$|^srcdoc$/.test(a.name)) found.push("attribute " + a.name);
  }
  if (document.querySelector("#approver iframe, #approver a[href*=evil], #approver form")) found.push("something to press");
  const active = ACTIVE.exec(around.innerText);
  if (active) found.push("character " + active[0].codePointAt(0).toString(16));
  if (!/^(\\(\\d+\\) )?Inbox · Airlock$/.test(document.title)) found.push("title " + document.title);
  const wider = document.documentElement.scrollWidth - innerWidth;
  if (wider > 0) found.push(wider + " px wider than the window");
  for (const b of around.querySelectorAll(".decide button")) {
    if (!/^(Approve|Reject)/.test(b.innerText)) found.push("button " + b.innerText.slice(0, 40));
    if (b.getBoundingClientRect().right > innerWidth) found.push("button beyond the window");
  }
  if (!around.querySelector(".decide button[data-key=reject]")) found.push("no way to say no");
  if (typeof Object.prototype.command !== "undefined" || {}.verified !== undefined) found.push("prototype");
  return found; }"""


def hostile(browser: Browser, given: dict[str, Any], python: str) -> tuple[Visit, int]:
    visit = Visit(browser, given["url"], given["shots"], size=(360, 740))
    page = visit.page
    page.on("dialog", lambda dialog: (visit.wrong.append("dialog"), dialog.dismiss()))
    page.on("popup", lambda popup: visit.wrong.append("popup"))
    who = {name: given[name] for name in ("url", "email", "password")}
    visit.go("/approvals/pair")
    visit.sign_in(given["email"], given["password"])
    agent = Agent(python, who, enforcer="hostile\u202e<img src=x onerror=alert(1)>", label="<b>Safe</b>\u202etnega\u200b" + "W" * 150, workspace="</script>\u2066shop" + "W" * 100)
    pair_by_their_code(visit, agent, look=True)
    visit.go("/approvals")
    expect(page.locator("#live")).to_have_text("live")
    check = INERT.replace("ACTIVE", ACTIVE)
    for n, (name, raw) in enumerate(given["hostile"]):
        metadata = {"requestLabel": "<img src=x onerror=alert(1)>\u202egnp.\u200b", "<script>": "</title>\u2066x"} if n % 10 == 0 else {}
        asked = agent.ask(raw=raw, metadata=metadata)
        entries(page).first.click()
        expect(page.get_by_role("button", name="Reject").first).to_be_enabled()
        page.locator(".beside").evaluate("e => { e.open = true; }")
        found = page.evaluate(check)
        cut = page.locator(".cut").count() > 0
        approves = page.locator(".decide button[data-key=approve]")
        if cut and approves.count() and approves.first.is_enabled():
            found.append("approves what is not shown")
        visit.wrong.extend(f"{name}: {one}" for one in found)
        if name in ("zalgo", "spaces of all kinds", "far down", "labels of ours", "title of a mebibyte", "captions swapped", "drawn buttons", "bidi override"):
            visit.look("hostile " + name.replace(" ", "_"))
        else:
            visit.axe(f"hostile {name}")
        if n % 25 == 0 and cut:
            page.get_by_role("button", name="Show all of it").click()
            visit.wrong.extend(f"{name}, all of it: {one}" for one in page.evaluate(check))
        page.get_by_role("button", name="Reject").last.click()
        expect(card(page)).to_contain_text("Rejected.")
        DECIDED.append({**agent.decided(asked), "expected": "reject"})
        page.get_by_role("button", name="Back to the inbox").click()
        expect(entries(page)).to_have_count(0)
    visit.go("/approvals/history")
    expect(page.locator(".thing").first).to_be_visible()
    visit.look("history_hostile")
    visit.go("/approvals/devices")
    expect(page.locator(".thing").first).to_be_visible()
    visit.look("devices_hostile")
    agent.end()
    return visit, len(given["hostile"])


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
