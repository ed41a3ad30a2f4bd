"""One text for one JSON value, so that both sides hash the same bytes.

Keys are sorted by code point, there is no white space, and numbers are written as Python writes them: `1.0` is `1`, `1e16` is `1e+16`.
Made in Rust. Where this differs from RFC 8785: exponents, and the order of keys beyond U+FFFF.
"""

from __future__ import annotations

import json
from typing import Any

from . import _native


def canonicalize(json_str: str) -> str:
    """The canonical form of a JSON text; a number beyond a double, `NaN` and a lone surrogate have none."""
    try:
        return _native.canonicalize(json_str)
    except ValueError as error:
        refusal = error
    try:
        json.loads(json_str)
    except json.JSONDecodeError as error:
        # No JSON at all: callers of the published package look for this class.
        refusal = error
    except (ValueError, RecursionError):
        pass
    raise refusal


def canonical_serialize(obj: Any) -> str:
    """The canonical form of a Python value; what is no JSON goes in as `str(value)`."""
    return canonicalize(json.dumps(obj, ensure_ascii=False, default=str))


def hash_canonical(obj: Any) -> str:
    """SHA-256 of the canonical form, in hex."""
    return _native.sha256_hex(canonical_serialize(obj))
