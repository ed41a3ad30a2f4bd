"""Where a browser comes back to after signing in: one page on loopback, until one answer arrived.

It serves from a thread of its own, so that a caller who opens the address synchronously is answered.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Optional
from urllib.parse import parse_qs, urlsplit

CALLBACK_PATH = "/callback"


@dataclass(frozen=True, repr=False)
class CallbackAnswer:
    code: Optional[str] = None
    error: Optional[str] = None
    description: str = ""


class CallbackServer:
    def __init__(self, port: int, state: str) -> None:
        loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[CallbackAnswer] = loop.create_future()

        def arrived(answer: CallbackAnswer) -> None:
            def keep() -> None:
                if not self._answer.done():
                    self._answer.set_result(answer)

            loop.call_soon_threadsafe(keep)

        class Handler(BaseHTTPRequestHandler):
            # A browser may open a connection and send nothing on it.
            timeout = 10

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                if url.path != CALLBACK_PATH:
                    return self._page(404, "Nothing is here.")
                if "error" in query:
                    self._page(400, "You were not signed in. You can close this page.")
                    return arrived(CallbackAnswer(error=query["error"], description=query.get("error_description", "")))
                if query.get("state") != state:
                    self._page(400, "This answer belongs to another sign-in.")
                    return arrived(CallbackAnswer(error="state_mismatch"))
                if "code" not in query:
                    return self._page(400, "The answer holds no code.")
                self._page(200, "You are signed in. You can close this page.")
                arrived(CallbackAnswer(code=query["code"]))

            def _page(self, status: int, text: str) -> None:
                body = f"<!doctype html><title>Airlock</title><p>{text}".encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                # The address holds the code.
                pass

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    async def answer(self, seconds: float) -> CallbackAnswer:
        """The browser's answer; one without code and error when the time is over."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._answer), seconds)
        except asyncio.TimeoutError:
            return CallbackAnswer()

    async def __aenter__(self) -> CallbackServer:
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()
