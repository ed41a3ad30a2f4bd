"""What is the same in every call: paths, and how an answer becomes a value or an error."""

from __future__ import annotations

from typing import Any, Mapping, NoReturn, Optional
from urllib.parse import quote

import httpx

from .exceptions import AirlockGatewayError


def segment(value: str) -> str:
    """`value` as one segment of a path, so that an id cannot name another route."""
    return quote(value, safe=":")


def text_of(fields: Mapping[str, Any], key: str) -> Optional[str]:
    value = fields.get(key)
    return value if isinstance(value, str) else None


def check(response: httpx.Response) -> httpx.Response:
    """The response, if its status is a success; redirects are none."""
    if 200 <= response.status_code < 300:
        return response
    raise_error(response)


def raise_error(response: httpx.Response) -> NoReturn:
    """Raises what the answer says: an envelope's body when there is one, else the flat form."""
    code = message = request_id = None
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        body = answer.get("body")
        if isinstance(body, dict):
            code, message, request_id = (text_of(body, key) for key in ("code", "message", "requestId"))
        else:
            code, message = text_of(answer, "error"), text_of(answer, "message")
    raise AirlockGatewayError(
        message or f"Gateway returned {response.status_code}",
        status_code=response.status_code,
        error_code=code,
        response_body=response.text,
        request_id=request_id,
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(header: Optional[str]) -> Optional[float]:
    # A date is allowed as well; gateways send seconds.
    return float(header) if header and header.isascii() and header.isdigit() else None
