"""A mail server (aiosmtpd) that takes mails for one user, and tells on standard output what happens, a JSON object a line.

The argument is {"tls": "starttls" | "start" | "none", "cert": FILE, "key": FILE, "port": N, "user": …, "password": …, "answers": [TEXT, …]}.
The answers are given to the first recipients in turn, instead of a yes.
"""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

given = json.loads(sys.argv[1])


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        if given.get("answers"):
            answer = given["answers"].pop(0)
            tell(refused=answer)
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        tell(
            to=envelope.rcpt_tos,
            subject=mail["subject"],
            sender=mail["from"],
            text=mail.get_content(),
            encrypted=session.ssl is not None or given["tls"] == "start",
            signed_in=bool(session.authenticated),
        )
        return "250 OK"


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = (data.login.decode(), data.password.decode()) == (given["user"], given["password"])
    tell(sign_in=right)
    return AuthResult(success=right, handled=False)


async def main() -> None:
    loop = asyncio.get_running_loop()
    context = None
    if given["tls"] != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given["cert"], given["key"])
    by_command = given["tls"] == "starttls"

    def connection() -> SMTP:
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=context if by_command else None,
            require_starttls=by_command,
            auth_required=True,
            auth_require_tls=by_command,
            authenticator=authenticate,
            loop=loop,
        )

    server = await loop.create_server(
        connection, "127.0.0.1", given.get("port", 0), ssl=None if by_command else context
    )
    tell(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
