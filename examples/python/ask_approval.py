"""A command that runs only when a person said so: pairs once, asks each time, believes nothing that the person did not sign.

    pip install target/wheels/airlock_gateway-*.whl
    export AIRLOCK_PAT=airpat_…
    python ask_approval.py --gateway http://127.0.0.1:8080 -- rm -r build

The first run shows a code to enter at the approver, and keeps the pairing in `.airlock-pairing.json`. Exits as the command does; with 1
when the person said no, with 3 when there is no answer that could be believed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import socket
import subprocess
import sys

import httpx
from airlock_gateway import (
    AirlockGatewayClient,
    AirlockGatewayError,
    DecisionNotBelieved,
    NonceJournal,
    Pairing,
    PairingNotBelieved,
    ask,
    pair,
)


async def pairing_from(path: str, client: AirlockGatewayClient) -> Pairing:
    if os.path.exists(path):
        return Pairing.load(path)
    host = socket.gethostname()
    pairing = await pair(
        client,
        enforcer_id=f"ask-approval-{host}",
        enforcer_label="ask_approval.py",
        workspace_name=os.path.basename(os.getcwd()),
        on_code=lambda started: print(f"Enter this code as the approver: {started.pairing_code}", flush=True),
    )
    print(f"Paired. The approver should see the same fingerprint: {pairing.fingerprint}", flush=True)
    pairing.save(path)
    return pairing


async def approved(gateway: str, pairing_file: str, command: list[str]) -> bool | None:
    async with AirlockGatewayClient(gateway, pat=os.environ.get("AIRLOCK_PAT")) as client:
        try:
            pairing = await pairing_from(pairing_file, client)
            decision = await ask(
                client,
                pairing,
                {"command": shlex.join(command), "folder": os.getcwd()},
                journal=NonceJournal(persist_path=pairing_file + ".nonces"),
            )
        except (AirlockGatewayError, DecisionNotBelieved, PairingNotBelieved, TimeoutError, httpx.HTTPError) as error:
            # Whatever went wrong, it is no yes.
            print(f"Not approved: {error}")
            return None
    print(f"{'Approved' if decision.approved else 'Rejected'}: {decision.reason or 'no reason given'}", flush=True)
    return decision.approved


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs a command if a person approves it.")
    parser.add_argument("--gateway", default="http://127.0.0.1:8080")
    parser.add_argument("--pairing", default=".airlock-pairing.json", help="where the pairing is kept")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    answer = asyncio.run(approved(options.gateway, options.pairing, options.command))
    if not answer:
        return 3 if answer is None else 1
    return subprocess.run(options.command).returncode


if __name__ == "__main__":
    sys.exit(main())
