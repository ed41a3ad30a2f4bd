"""The published `airlock-gateway` 0.3.5, unmodified: its `AirlockAuthClient` signs a person in, both ways, refreshes, signs out.

The argument is {"realm": …, "email": …, "password": …}. At a line on standard input it does all of it, and prints one JSON
object: what its user saw.
"""

import asyncio
import json
import sys
import threading
from typing import Any

from airlock_gateway import AirlockAuthClient, AirlockAuthOptions

from person import confirm_device, decide


async def main() -> None:
    given = json.loads(sys.argv[1])
    person = (given["email"], given["password"])
    seen: dict[str, Any] = {}

    def told(token: Any) -> dict[str, Any]:
        return {
            "access": token.access_token,
            "refresh": token.refresh_token,
            "expires_in": token.expires_in,
            "type": token.token_type,
            "scope": token.scope,
        }

    # It sleeps in its event loop, and calls back before it listens: the person needs a thread of their own.
    def in_a_thread(name: str, act: Any, *args: Any) -> threading.Thread:
        thread = threading.Thread(target=lambda: seen.__setitem__(name, act(*args)))
        thread.start()
        return thread

    by_device = AirlockAuthClient(AirlockAuthOptions(given["realm"]))
    threads: list[threading.Thread] = []

    def on_code(code: Any) -> None:
        seen["user_code"] = code.user_code
        threads.append(in_a_thread("device_page", confirm_device, code.verification_uri_complete, *person))

    seen["device"] = told(await by_device.login(on_code))
    threads.pop().join()
    seen["refreshed"] = told(await by_device.refresh_token())
    await by_device.logout()
    seen["signed_out"] = not by_device.is_logged_in

    by_code = AirlockAuthClient(AirlockAuthOptions(given["realm"]))

    def on_url(url: str) -> None:
        threads.append(in_a_thread("consent_page", decide, url, *person))

    seen["code"] = told(await by_code.login_with_auth_code(on_url))
    threads.pop().join()

    denied = AirlockAuthClient(AirlockAuthOptions(given["realm"]))
    try:
        await denied.login(
            lambda code: threads.append(
                in_a_thread("denied_page", confirm_device, code.verification_uri_complete, *person, "Deny")
            )
        )
    except Exception as error:
        seen["denied"] = str(error)
    threads.pop().join()
    print(json.dumps(seen), flush=True)


for _ in sys.stdin:
    asyncio.run(main())
