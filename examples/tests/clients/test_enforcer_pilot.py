"""Drives examples/python/test_enforcer.py with Textual's Pilot; says what a person at the approver has to know, a line each."""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
from test_enforcer import EnforcerApp, inert  # noqa: E402
from textual.widgets import Button, ContentSwitcher, DataTable, Input, Static  # noqa: E402


def say(**told: object) -> None:
    # Textual keeps what is printed for itself.
    sys.__stdout__.write(json.dumps(told) + "\n")
    sys.__stdout__.flush()


async def until(pilot, what):
    for _ in range(600):
        await pilot.pause(0.05)
        found = what()
        if found:
            return found
    raise AssertionError(f"not in time: {pilot.app.query_one('#notice', Static).content}")


def text(app, place: str) -> str:
    return str(app.query_one(place, Static).content)


def cells(app):
    table = app.query_one(DataTable)
    return [[str(cell) for cell in table.get_row(row)] for row in table.rows]


async def press(pilot, name: str) -> None:
    await until(pilot, lambda: not pilot.app.query_one(name, Button).disabled)
    pilot.app.query_one(name, Button).press()
    await pilot.pause()


async def ask(pilot, what: str) -> None:
    pilot.app.query_one("#what", Input).value = what
    await press(pilot, "#ask")


async def life(gateway: str, pat: str, folder: Path) -> None:
    app = EnforcerApp(folder)
    step = lambda name: lambda: app.query_one(ContentSwitcher).current == name  # noqa: E731
    async with app.run_test(size=(100, 40)) as pilot:
        app.query_one("#gateway", Input).value = gateway
        app.query_one("#pat", Input).value = "airpat_none"
        await press(pilot, "#by-token")
        await until(pilot, lambda: "Sign in again" in text(app, "#notice"))
        app.query_one("#pat", Input).value = pat
        await press(pilot, "#by-token")
        await until(pilot, step("pair"))
        await press(pilot, "#by-own-code")
        said = await until(pilot, lambda: "airlock-approve pair" in text(app, "#pairing") and text(app, "#pairing"))
        say(code=said.split()[-1])
        said = await until(pilot, lambda: "fingerprint" in text(app, "#pairing") and text(app, "#pairing"))
        say(fingerprint=said.split()[-2])
        await press(pilot, "#same")
        await until(pilot, step("home"))
        await until(pilot, lambda: "heartbeat at" in text(app, "#status"))
        await ask(pilot, "ls [bold]\u202ex[/bold]")
        say(asked="ls")
        await until(pilot, lambda: cells(app)[0][0] == "APPROVED")
        assert cells(app)[0][1] == "ls [bold]\\u{202e}x[/bold]", cells(app)
        await ask(pilot, '{"plan": ["a", "b"]}')
        say(asked="plan")
        await until(pilot, lambda: cells(app)[1][0] == "REJECTED")
        assert "not \\u{1b}[2J today" in cells(app)[1][2], cells(app)
        await ask(pilot, "sleep 1")
        say(asked="sleep")
        await until(pilot, lambda: sys.stdin.readline())
        app.query_one(DataTable).move_cursor(row=2)
        await press(pilot, "#withdraw")
        await until(pilot, lambda: cells(app)[2][0] == "withdrawn")
        await ask(pilot, "{not json")
        await until(pilot, lambda: text(app, "#notice") != "")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir()), list(folder.iterdir())
    say(left=True)

    # With what was kept it is paired at once; then it ends all of it.
    app = EnforcerApp(folder)
    async with app.run_test(size=(60, 20)) as pilot:
        await until(pilot, lambda: app.query_one(ContentSwitcher).current == "home")
        await press(pilot, "#unpair")
        await until(pilot, lambda: app.query_one(ContentSwitcher).current == "pair")
        await press(pilot, "#out-unpaired")
        await until(pilot, lambda: app.query_one(ContentSwitcher).current == "sign-in")
    kept = json.loads((folder / "settings.json").read_text())
    assert kept["pat"] == "" and not (folder / "pairing.json").exists(), kept
    say(over=True)


assert inert("a\x1b\u202e\u200b\u00a0b é 尺") == "a\\u{1b}\\u{202e}\\u{200b}\\u{a0}b é 尺"
asyncio.run(life(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
