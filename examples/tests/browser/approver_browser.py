"""What the browser keeps, runs and lacks: the installed app, its storages, a script that was changed, missing cryptography."""

from playwright.sync_api import Browser, Route, expect

from console import Visit


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
