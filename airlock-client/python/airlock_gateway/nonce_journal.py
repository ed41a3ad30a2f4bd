"""Remembers the nonces of decisions, so that none is believed twice."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional, Union

from . import _native


class NonceJournal:
    """Nonces seen within the last `ttl_seconds`; for use by several threads.

    With `persist_path` they outlive the process: one `nonce<TAB>unix_seconds` a line, readable by the owner only. A file that
    cannot be read or written is no error: the journal then lasts as long as the process.
    """

    def __init__(self, ttl_seconds: float = 900, persist_path: Union[str, os.PathLike[str], None] = None) -> None:
        self._path = os.fspath(persist_path) if persist_path else None
        self._writing = threading.Lock()
        self._native = _native.NonceJournal(ttl_seconds, self._read())

    def try_record(self, nonce: str) -> bool:
        """Remembers a nonce; `False` when it is known already."""
        fresh = self._native.try_record(nonce, _now_ms())
        if fresh:
            self._write()
        return fresh

    def has_seen(self, nonce: str) -> bool:
        return self._native.has_seen(nonce, _now_ms())

    @property
    def count(self) -> int:
        return self._native.count(_now_ms())

    def _read(self) -> str:
        if self._path is None:
            return ""
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def _write(self) -> None:
        if self._path is None:
            return
        # A file of its own first: a crash leaves the old or the new journal, never half of one. Its name is ours alone.
        beside = f"{self._path}.{os.getpid()}.tmp"
        with self._writing:
            try:
                with open(beside, "w", encoding="utf-8", opener=_owner_only) as file:
                    file.write(self._native.to_lines())
                os.replace(beside, self._path)
            except OSError:
                pass


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _now_ms() -> int:
    return int(time.time() * 1000)
