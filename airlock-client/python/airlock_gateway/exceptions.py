"""What can go wrong, by who said so: the gateway, the identity provider, or this package."""

from __future__ import annotations

_QUOTA_CODES = frozenset({"quota_exceeded", "workspace_limit_exceeded"})


class AirlockGatewayError(Exception):
    """The gateway answered with a status outside 200 to 299.

    `str(error)` is the gateway's message, `error_code` its code (`None` where it gave none), `response_body` the answer's raw text.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        error_code: str | None = None,
        response_body: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.error_code = error_code
        self.response_body = response_body
        self.request_id = request_id
        self.retry_after = retry_after
        """Seconds that the gateway asks to wait before the same call, if it said so."""

    def _code(self) -> str:
        return (self.error_code or "").lower()

    @property
    def is_quota_exceeded(self) -> bool:
        """A rate limit or a plan's quota."""
        return self.status_code == 429 or self._code() in _QUOTA_CODES

    @property
    def is_pairing_revoked(self) -> bool:
        """The pairing was revoked on the other side: pair again."""
        return self._code() == "pairing_revoked"

    @property
    def is_expired(self) -> bool:
        """The exchange, the artifact or the pairing code ran out of time."""
        return self.status_code == 410 or self._code() == "expired"

    @property
    def is_conflict(self) -> bool:
        """The same id was used for something else, or the exchange is settled."""
        return self.status_code == 409

    @property
    def is_retryable(self) -> bool:
        """The same call may succeed later: a rate limit (not a used-up quota) or a fault of the server."""
        if self.status_code == 429:
            return self._code() not in _QUOTA_CODES
        return self.status_code is not None and self.status_code >= 500


class AirlockAuthException(Exception):
    """The identity provider refused, or nobody is signed in."""


class DecryptionError(ValueError):
    """A payload cannot be opened: another key, an unknown algorithm, or altered bytes. Which of them is not said."""


class DecisionNotBelieved(Exception):
    """A decision failed a check, so it decides nothing: treat it as a rejection.

    `reason` names the check: `unknown_verdict`, `hash_mismatch`, `unknown_signer`, `unsigned`, `bad_signature`, `replayed`, `expired`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PairingNotBelieved(Exception):
    """An approver declined a pairing, or the answer is malformed, unsigned, or for another pairing: keep none of its keys."""
