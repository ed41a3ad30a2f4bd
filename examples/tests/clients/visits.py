"""Lets a program that is not in Python use a client: visits come in, and what the client's user saw goes out.

The first argument is a JSON object of endpoints: {NAME: {"url": …, "key": …, "mode": …}}. Each line on standard input is a visit,
{"endpoint": NAME, "snapshot": …, "sql": …}; each line on standard output is what was seen, in order, up to the failure if one came.
"""

import json
import sys
from typing import Any, Callable

FORBIDDEN = "select pg_read_file('/etc/passwd')"


def endpoints() -> dict[str, dict[str, str]]:
    return json.loads(sys.argv[1])


def serve(visit: Callable[[dict[str, str], str, str, dict[str, Any]], None]) -> None:
    """`visit` is told the endpoint, the snapshot and the statement, and writes into the dict what it sees."""
    known = {name: {"name": name, **one} for name, one in endpoints().items()}
    for line in sys.stdin:
        wanted = json.loads(line)
        seen: dict[str, Any] = {}
        try:
            visit(known[wanted["endpoint"]], wanted["snapshot"], wanted["sql"], seen)
        except Exception as error:
            seen["failed"] = told(error)
        print(json.dumps(seen), flush=True)


def told(error: BaseException) -> dict[str, Any]:
    """What an error tells its user. Task groups wrap the one error that matters."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    inner = getattr(error, "error", None)
    data = getattr(inner, "data", None)
    response = getattr(error, "response", None)
    return {
        "type": type(error).__name__,
        "text": str(error),
        "code": getattr(inner, "code", None),
        "message": getattr(inner, "message", None),
        "class": data.get("error_class") if isinstance(data, dict) else None,
        "retryable": data.get("retryable") if isinstance(data, dict) else None,
        "status": getattr(response, "status_code", None),
    }
