"""Payloads and names that an attacker wrote, each on the page of a phone."""

from typing import Any

from playwright.sync_api import Browser, expect

from agent import Agent
from approving import DECIDED, card, entries, pair_by_their_code
from console import Visit

# Controls, marks of direction, no width, odd spaces: none of it may be on the page. Line ends part what the page itself parts.
ACTIVE = r"/(?![\n ])[\p{Cc}\p{Cs}\u00a0\u00ad\u061c\u034f\u115f\u1160\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\u{e0000}-\u{e0fff}]/u"
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
