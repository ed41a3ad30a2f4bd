"""The whole life of an enforcer in a terminal, to see once before you write one: sign in, pair, stay present, ask, wait, take back,
end the pairing, sign out. It runs nothing; it only asks.

    pip install target/wheels/airlock_gateway-*.whl textual==8.2.8
    python test_enforcer.py

What to copy is in `Enforcer`; the rest is what stands on the screen. Settings, sign-in and pairing are kept in `.test-enforcer-py`,
readable by you alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Optional

import httpx
from airlock_gateway import (
    AirlockAuthClient,
    AirlockAuthException,
    AirlockAuthOptions,
    AirlockGatewayClient,
    AirlockGatewayError,
    DecisionNotBelieved,
    DndEvaluator,
    EncryptedArtifactRequest,
    NonceJournal,
    Pairing,
    PairingNotBelieved,
    PresenceHeartbeatRequest,
    ask,
    pair,
    pair_with_code,
)
from airlock_gateway.canonical_json import canonical_serialize
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, ContentSwitcher, DataTable, Footer, Header, Input, Static

HEARTBEAT_SECONDS = 30
TTL = timedelta(minutes=10)
DEFAULTS = {
    "gateway": "http://127.0.0.1:8080",
    "enforcer": "test-enforcer-py",
    "label": "Test enforcer in Python",
    "workspace": "playground",
    "pat": "",
}
TROUBLE = (
    AirlockAuthException,
    AirlockGatewayError,
    DecisionNotBelieved,
    PairingNotBelieved,
    TimeoutError,
    ValueError,
    OSError,
    httpx.HTTPError,
    httpx.InvalidURL,
)


def inert(text: object) -> str:
    """Text of others as it may stand on a screen: nothing in it moves, hides or reorders anything."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in str(text))


def advice(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, AirlockGatewayError):
        if (error.error_code or "").startswith("app_consent"):
            return "Have the person allow this app: airlock-approve consents, airlock-approve allow APP."
        if error.is_pairing_revoked or error.error_code == "no_approver":
            return "Pair again: nobody is behind this pairing any more."
        if error.status_code == 401:
            return "Sign in again, or type a token that is still valid."
    if isinstance(error, DecisionNotBelieved):
        return "Treat it as a no, and find out who sent it: your approver did not sign it."
    if isinstance(error, (httpx.HTTPError, httpx.InvalidURL)):
        return "Check the gateway's address, and that it is running."
    return "Treat it as a no, and try again."


class Enforcer:
    """An enforcer with what it keeps in a folder. This is the part to copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = {**DEFAULTS, **self._load("settings.json")}
        self.journal = NonceJournal(persist_path=str(folder / "nonces"))
        self.pairing: Optional[Pairing] = None
        self.client: Optional[AirlockGatewayClient] = None
        self.auth: Optional[AirlockAuthClient] = None

    def _load(self, name: str) -> Any:
        path = self.folder / name
        return json.loads(path.read_text("utf-8")) if path.exists() else {}

    def _save(self, name: str, value: Any) -> None:
        opener = lambda path, flags: os.open(path, flags, 0o600)  # noqa: E731
        with open(self.folder / name, "w", encoding="utf-8", opener=opener) as file:
            json.dump(value, file)

    def _forget(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    async def open(self, settings: dict[str, str]) -> None:
        """A client for these settings, of nobody yet."""
        if settings["gateway"] != self.settings["gateway"]:
            # Both are for the gateway that made them.
            self._forget("tokens.json")
            self._forget("pairing.json")
        self.settings = settings
        self._save("settings.json", settings)
        await self.close()
        self.client = AirlockGatewayClient(settings["gateway"], pat=settings["pat"] or None)
        self.auth = AirlockAuthClient(AirlockAuthOptions(settings["gateway"].rstrip("/") + "/realms/airlock"))
        path = self.folder / "pairing.json"
        self.pairing = Pairing.load(path) if path.exists() else None

    async def close(self) -> None:
        for open_one in (self.client, self.auth):
            if open_one is not None:
                await open_one.close()

    async def is_signed_in(self) -> bool:
        """By the token that was typed, or by the sign-in that is kept; asks the gateway whether it holds, and the app is allowed."""
        tokens = self._load("tokens.json")
        if not self.settings["pat"] and not tokens:
            return False
        if tokens and not self.settings["pat"]:
            self.auth.restore_tokens(*tokens)
        await self.refresh()
        await self.client.check_consent()
        return True

    async def refresh(self) -> None:
        """A new access token where the old one is about to end."""
        if not self.settings["pat"]:
            self.client.set_bearer_token(await self.auth.get_access_token())
            self._save("tokens.json", self.auth.get_token_state())

    async def sign_in_with_code(self, tell: Callable[[str], None]) -> None:
        await self.auth.login(lambda code: tell(f"Open {code.verification_uri} and type the code {code.user_code}"))
        await self.refresh()

    async def sign_in_with_browser(self, tell: Callable[[str], None]) -> None:
        await self.auth.login_with_auth_code(lambda url: tell(f"Open this in a browser on this machine: {url}"))
        await self.refresh()

    async def sign_out(self) -> None:
        await self.auth.logout()
        self._forget("tokens.json")
        self.settings = {**self.settings, "pat": ""}
        self._save("settings.json", self.settings)

    async def pair(self, tell: Callable[[str], None]) -> Pairing:
        return await pair(
            self.client,
            enforcer_id=self.settings["enforcer"],
            enforcer_label=self.settings["label"],
            workspace_name=self.settings["workspace"],
            on_code=lambda begun: tell(f"At the approver: airlock-approve pair {begun.pairing_code}"),
        )

    async def claim(self, code: str) -> Pairing:
        return await pair_with_code(
            self.client,
            code.strip(),
            enforcer_id=self.settings["enforcer"],
            enforcer_label=self.settings["label"],
            workspace_name=self.settings["workspace"],
        )

    def keep(self, pairing: Pairing) -> None:
        """After a person compared the fingerprint."""
        pairing.save(self.folder / "pairing.json")
        self.pairing = pairing

    async def unpair(self, pairing: Pairing) -> None:
        await self.client.revoke_pairing(pairing.routing_token)
        self.forget_pairing()

    def forget_pairing(self) -> None:
        self._forget("pairing.json")
        self.pairing = None

    async def beat(self) -> None:
        await self.refresh()
        await self.client.send_heartbeat(
            PresenceHeartbeatRequest(
                enforcer_id=self.settings["enforcer"],
                workspace_name=self.settings["workspace"],
                enforcer_label=self.settings["label"],
            )
        )

    async def ask(self, kind: str, payload: dict[str, Any]) -> tuple[bool, str]:
        """Yes or no, and who says so. Whatever is raised is a no."""
        standing = DndEvaluator(self.client, signers=self.pairing.signers)
        decided = await standing.decide(
            enforcer_id=self.settings["enforcer"],
            workspace_id=self.settings["workspace"],
            command=str(payload.get("command", "")),
            artifact_type=kind,
        )
        if decided is not None:
            await self._report(kind, payload, decided.audit_metadata)
            return decided.approved, "decided in advance"
        decision = await ask(self.client, self.pairing, payload, journal=self.journal, artifact_type=kind, ttl=TTL)
        return decision.approved, f"the person says (nobody signed it): {decision.reason or '-'}"


    async def _report(self, kind: str, payload: dict[str, Any], audit: dict[str, str]) -> None:
        """Tells the person's history. That it does not arrive changes nothing."""
        report = EncryptedArtifactRequest(
            enforcer_id=self.settings["enforcer"],
            artifact_type=kind,
            plaintext_payload=canonical_serialize(payload),
            encryption_key_base64url=self.pairing.encryption_key,
            metadata={**audit, "routingToken": self.pairing.routing_token},
        )
        try:
            await self.client.encrypt_and_submit_artifact(report)
        except (AirlockGatewayError, httpx.HTTPError):
            pass


class EnforcerApp(App[None]):
    """What stands on the screen."""

    TITLE = "Airlock test enforcer"
    CSS = "Button { margin-right: 1; } Horizontal { height: auto; } #notice { color: red; height: auto; } DataTable { height: 1fr; }"
    BINDINGS = [Binding("ctrl+c,ctrl+q", "quit", "Leave", priority=True)]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.enforcer = Enforcer(folder)
        self.made: Optional[Pairing] = None
        self.asking: dict[str, asyncio.Task[None]] = {}

    def compose(self) -> ComposeResult:
        settings = self.enforcer.settings
        yield Header()
        # Markup would be somebody else's.
        yield Static("", id="notice", markup=False)
        with ContentSwitcher(initial="sign-in"):
            with VerticalScroll(id="sign-in", can_focus=False):
                for name in DEFAULTS:
                    yield Input(settings[name], placeholder=name, id=name, password=name == "pat")
                with Horizontal():
                    yield Button("Use the token", id="by-token")
                    yield Button("Sign in with a code", id="by-code")
                    yield Button("Sign in with a browser", id="by-browser")
                yield Static("", id="told", markup=False)
            with VerticalScroll(id="pair", can_focus=False):
                yield Button("Show a code", id="by-own-code")
                yield Input(placeholder="a code that the approver made", id="code")
                yield Button("Take it up", id="by-their-code")
                yield Static("", id="pairing", markup=False)
                with Horizontal():
                    yield Button("The fingerprints are the same", id="same", disabled=True)
                    yield Button("They differ", id="differ", disabled=True)
                yield Button("Sign out", id="out-unpaired")
            with VerticalScroll(id="home", can_focus=False):
                yield Static("", id="status", markup=False)
                with Horizontal():
                    yield Input("command-approval", id="kind")
                yield Input(placeholder="a command, or a JSON object", id="what")
                with Horizontal():
                    yield Button("Ask", id="ask")
                    yield Button("Withdraw", id="withdraw")
                    yield Button("Unpair", id="unpair")
                    yield Button("Sign out", id="out")
                yield DataTable(id="requests", cursor_type="row")
        yield Footer()

    async def on_mount(self) -> None:
        self.query_one(DataTable).add_columns(("outcome", "outcome"), ("asked", "asked"), ("more", "more"))
        self.set_interval(HEARTBEAT_SECONDS, self.beat)
        if (self.enforcer.folder / "settings.json").exists():
            self.begin(None)

    async def on_unmount(self) -> None:
        for task in self.asking.values():
            task.cancel()
        await asyncio.gather(*self.asking.values(), return_exceptions=True)
        await self.enforcer.close()

    # What is said

    def tell(self, place: str, text: object) -> None:
        self.query_one(place, Static).update(inert(text))

    def trouble(self, error: Exception) -> None:
        self.tell("#notice", f"{error or type(error).__name__}  {advice(error)}")
        if isinstance(error, AirlockGatewayError) and error.status_code == 401:
            self.show("sign-in")
        elif isinstance(error, AirlockGatewayError) and (error.is_pairing_revoked or error.error_code == "no_approver"):
            self.enforcer.forget_pairing()
            self.show("pair")

    def show(self, step: str) -> None:
        self.query_one(ContentSwitcher).current = step

    # Signing in

    @work(exclusive=True, group="step")
    async def begin(self, sign_in: Optional[Callable[[Callable[[str], None]], Any]]) -> None:
        """To the next step that is open: with `sign_in` where one signs in anew, else with what is kept."""
        try:
            if sign_in is not None:
                await sign_in(lambda text: self.tell("#told", text))
            else:
                await self.enforcer.open(self.enforcer.settings)
            if not await self.enforcer.is_signed_in():
                return
        except TROUBLE as error:
            return self.trouble(error)
        self.tell("#told", "")
        self.home() if self.enforcer.pairing else self.show("pair")

    @on(Button.Pressed, "#by-token, #by-code, #by-browser")
    async def sign_in(self, pressed: Button.Pressed) -> None:
        self.tell("#notice", "")
        settings = {name: self.query_one(f"#{name}", Input).value.strip() for name in DEFAULTS}
        if pressed.button.id != "by-token":
            settings["pat"] = ""
        try:
            await self.enforcer.open(settings)
        except TROUBLE as error:
            return self.trouble(error)
        by = {"by-code": self.enforcer.sign_in_with_code, "by-browser": self.enforcer.sign_in_with_browser}
        self.begin(by.get(str(pressed.button.id)))

    @on(Button.Pressed, "#out, #out-unpaired")
    async def sign_out(self) -> None:
        self.query_one("#pat", Input).value = ""
        try:
            await self.enforcer.sign_out()
        except TROUBLE as error:
            self.trouble(error)
        self.show("sign-in")

    # Pairing

    @work(exclusive=True, group="step")
    async def make_pairing(self, made: Any) -> None:
        try:
            self.made = await made
        except TROUBLE as error:
            return self.trouble(error)
        self.tell("#pairing", f"Does your approver show the fingerprint {self.made.fingerprint} ?")
        self.compare(True)

    def compare(self, is_open: bool) -> None:
        for name in ("#same", "#differ"):
            self.query_one(name, Button).disabled = not is_open

    @on(Button.Pressed, "#by-own-code, #by-their-code")
    def begin_pairing(self, pressed: Button.Pressed) -> None:
        self.tell("#notice", "")
        if pressed.button.id == "by-own-code":
            self.make_pairing(self.enforcer.pair(lambda text: self.tell("#pairing", text)))
        else:
            self.tell("#pairing", "Now agree at the approver.")
            self.make_pairing(self.enforcer.claim(self.query_one("#code", Input).value))

    @on(Button.Pressed, "#same")
    def keep(self) -> None:
        self.enforcer.keep(self.made)
        self.compare(False)
        self.home()

    @on(Button.Pressed, "#differ, #unpair")
    async def unpair(self, pressed: Button.Pressed) -> None:
        pairing = self.made if pressed.button.id == "differ" else self.enforcer.pairing
        try:
            await self.enforcer.unpair(pairing)
        except TROUBLE as error:
            return self.trouble(error)
        self.compare(False)
        self.query_one(DataTable).clear()
        self.tell("#pairing", "The pairing is over, for both sides.")
        self.show("pair")

    # Asking

    def home(self) -> None:
        self.show("home")
        self.run_worker(self.beat(), group="beat")

    async def beat(self) -> None:
        if self.query_one(ContentSwitcher).current != "home":
            return
        try:
            await self.enforcer.beat()
        except TROUBLE as error:
            return self.trouble(error)
        at = datetime.now(timezone.utc).strftime("%H:%M:%S")
        self.tell("#status", f"paired with {self.enforcer.pairing.fingerprint}, heartbeat at {at} UTC")

    @on(Button.Pressed, "#ask")
    @on(Input.Submitted, "#what")
    def ask(self) -> None:
        self.tell("#notice", "")
        text, kind = self.query_one("#what", Input).value.strip(), self.query_one("#kind", Input).value.strip()
        try:
            payload = json.loads(text) if text.startswith("{") else {"command": text}
        except ValueError as error:
            return self.trouble(error)
        if not text or not kind:
            return self.tell("#notice", "Type what an agent would do, and of what type it is.")
        row = f"row-{len(self.asking)}"
        self.query_one(DataTable).add_row("waiting", inert(text), "", key=row)
        self.asking[row] = asyncio.create_task(self.wait(row, kind, payload))

    async def wait(self, row: str, kind: str, payload: dict[str, Any]) -> None:
        def end(outcome: str, more: object) -> None:
            table = self.query_one(DataTable)
            if row in table.rows:
                table.update_cell(row, "outcome", outcome, update_width=True)
                table.update_cell(row, "more", inert(more), update_width=True)

        try:
            approved, who = await self.enforcer.ask(kind, payload)
        except asyncio.CancelledError:
            # `ask` took it back.
            return end("withdrawn", "")
        except TROUBLE as error:
            end("not approved", error or type(error).__name__)
            return self.trouble(error)
        end("APPROVED" if approved else "REJECTED", who)

    @on(Button.Pressed, "#withdraw")
    def withdraw(self) -> None:
        table = self.query_one(DataTable)
        if table.row_count:
            row = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
            self.asking[str(row)].cancel()


def main() -> int:
    parser = argparse.ArgumentParser(description="The whole life of an enforcer, to see once before you write one.")
    parser.add_argument("--folder", type=Path, default=Path(".test-enforcer-py"), help="where everything is kept")
    options = parser.parse_args()
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        print("error: this program draws on a terminal, and there is none", file=sys.stderr)
        return 2
    app = EnforcerApp(options.folder)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
