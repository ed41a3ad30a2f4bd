"""Signs a person in at the identity provider: device code (RFC 8628), or authorization code with PKCE (RFC 7636)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from types import TracebackType
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Tuple
from urllib.parse import urlencode

import httpx

from ._callback import CALLBACK_PATH, CallbackServer
from .exceptions import AirlockAuthException
from .models import ConsentErrorInfo, DeviceCodeInfo, TokenResponse

SCOPE = "openid profile email"
CALLBACK_SECONDS = 300
POLL_SECONDS_MIN = 5
EXPIRY_MARGIN_SECONDS = 30
"""A token counts as expired this long before it is, so that it does not end under way."""

_CONSENT_CODES = frozenset({"app_consent_required", "app_consent_pending", "app_consent_denied"})
_sleep = asyncio.sleep


class AirlockAuthOptions:
    """`keycloak_realm_url` is discovery's `idp.baseUrl`."""

    def __init__(self, keycloak_realm_url: str, oidc_client_id: str = "airlock-integrations") -> None:
        self.keycloak_realm_url = keycloak_realm_url
        self.oidc_client_id = oidc_client_id


class OidcDiscoveryResult:
    """The endpoints that the identity provider says it has."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.token_endpoint: Optional[str] = data.get("token_endpoint")
        self.device_authorization_endpoint: Optional[str] = data.get("device_authorization_endpoint")
        self.revocation_endpoint: Optional[str] = data.get("revocation_endpoint")
        self.authorization_endpoint: Optional[str] = data.get("authorization_endpoint")


class AirlockAuthClient:
    """One person's session at the identity provider.

    Give `get_access_token()` to `AirlockGatewayClient.set_bearer_token` before a call. An `httpx_client` that was given
    stays open on `close`.
    """

    def __init__(self, options: AirlockAuthOptions, httpx_client: Optional[httpx.AsyncClient] = None) -> None:
        self.options = options
        self._http = httpx_client or httpx.AsyncClient(timeout=30.0)
        self._owns_http = httpx_client is None
        self._endpoints: Optional[OidcDiscoveryResult] = None
        self._access_token: Optional[str] = None
        self._refresh_token: Optional[str] = None
        self._expires_at = 0.0
        self._refreshing = asyncio.Lock()

    async def __aenter__(self) -> AirlockAuthClient:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._owns_http:
            await self._http.aclose()

    @property
    def current_access_token(self) -> Optional[str]:
        return self._access_token

    @property
    def is_logged_in(self) -> bool:
        return self._access_token is not None

    @property
    def is_token_expired(self) -> bool:
        return time.time() >= self._expires_at

    async def discover(self) -> OidcDiscoveryResult:
        """The provider's endpoints; asked for once."""
        if self._endpoints is None:
            realm = self.options.keycloak_realm_url.rstrip("/")
            response = await self._http.get(f"{realm}/.well-known/openid-configuration")
            response.raise_for_status()
            found = OidcDiscoveryResult(response.json())
            _endpoint(found.token_endpoint, "token_endpoint")
            self._endpoints = found
        return self._endpoints

    # Device code

    async def login(self, on_user_code: Callable[[DeviceCodeInfo], None]) -> TokenResponse:
        """Signs in on any device that has a browser: `on_user_code` shows where, and with which code."""
        endpoints = await self.discover()
        device_endpoint = _endpoint(endpoints.device_authorization_endpoint, "device_authorization_endpoint")
        response = await self._http.post(
            device_endpoint, data={"client_id": self.options.oidc_client_id, "scope": SCOPE}
        )
        response.raise_for_status()
        device = DeviceCodeInfo(response.json())
        on_user_code(device)

        interval = max(device.interval, POLL_SECONDS_MIN)
        deadline = time.monotonic() + device.expires_in
        while time.monotonic() < deadline:
            await _sleep(interval)
            response = await self._token_call(
                grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=device.device_code
            )
            if response.is_success:
                return self._keep(response)
            error, description = _oauth_error(response)
            if error == "authorization_pending":
                continue
            if error == "slow_down":
                interval += 5
                continue
            if error == "expired_token":
                raise AirlockAuthException("Device code expired. Please try logging in again.")
            if error == "access_denied":
                raise AirlockAuthException("User denied the authorization request.")
            raise AirlockAuthException(f"Token request failed: {error} — {description}")
        raise AirlockAuthException("Device code expired before user completed authorization.")

    # Authorization code

    async def login_with_auth_code(
        self, on_browser_url: Callable[[str], None], redirect_port: int = 0
    ) -> TokenResponse:
        """Signs in through a browser on this machine, which comes back to a port of loopback (a free one for 0).

        `on_browser_url` opens the browser, with `webbrowser.open` say. What else asks at the port is turned away.
        """
        _endpoint((await self.discover()).authorization_endpoint, "authorization_endpoint")
        state = secrets.token_hex(16)
        async with CallbackServer(redirect_port, state) as callback:
            redirect_uri = f"http://localhost:{callback.port}{CALLBACK_PATH}"
            request = await self._authorization_request(redirect_uri, state)
            on_browser_url(request["authorization_url"])
            answer = await callback.answer(CALLBACK_SECONDS)
        if answer.error is not None:
            raise AirlockAuthException(f"Authorization denied: {answer.error} — {answer.description}")
        if answer.code is None:
            raise AirlockAuthException("Authorization timed out or no code received.")
        return await self.exchange_code(answer.code, redirect_uri, request["code_verifier"])

    async def get_authorization_url(self, redirect_uri: str) -> Dict[str, str]:
        """For a program that serves its redirect itself: `authorization_url`, `state`, `code_verifier`, `redirect_uri`.

        Compare the state that comes back, then call `exchange_code`.
        """
        return await self._authorization_request(redirect_uri, secrets.token_hex(16))

    async def _authorization_request(self, redirect_uri: str, state: str) -> Dict[str, str]:
        endpoints = await self.discover()
        authorize = _endpoint(endpoints.authorization_endpoint, "authorization_endpoint")
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.options.oidc_client_id,
                "redirect_uri": redirect_uri,
                "scope": SCOPE,
                "state": state,
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
                "code_challenge_method": "S256",
            }
        )
        return {
            "authorization_url": f"{authorize}?{query}",
            "state": state,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }

    async def exchange_code(self, code: str, redirect_uri: str, code_verifier: str) -> TokenResponse:
        response = await self._token_call(
            grant_type="authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=code_verifier
        )
        if not response.is_success:
            _refuse("Code exchange failed", response)
        return self._keep(response)

    # Tokens

    async def refresh_token(self) -> TokenResponse:
        """New tokens for the old; a refusal signs out, a fault of the provider does not."""
        async with self._refreshing:
            return await self._refresh()

    async def _refresh(self) -> TokenResponse:
        if not self._refresh_token:
            raise AirlockAuthException("No refresh token available. Please login first.")
        response = await self._token_call(grant_type="refresh_token", refresh_token=self._refresh_token)
        if not response.is_success:
            if response.status_code < 500 and response.status_code != 429:
                self._access_token = self._refresh_token = None
            _refuse("Token refresh failed", response)
        return self._keep(response)

    async def get_access_token(self) -> str:
        """An access token that holds now, refreshed if need be: once, however many ask at the same time."""
        if not self._access_token:
            raise AirlockAuthException("Not logged in. Call login() first.")
        if self.is_token_expired and self._refresh_token:
            async with self._refreshing:
                if self.is_token_expired:
                    await self._refresh()
        if not self._access_token:
            raise AirlockAuthException("Token refresh failed and no valid token available.")
        return self._access_token

    async def logout(self) -> None:
        """Forgets the tokens, and asks the provider to revoke them; it may be unreachable."""
        refresh_token, self._refresh_token = self._refresh_token, None
        self._access_token, self._expires_at = None, 0.0
        if not refresh_token:
            return
        try:
            revoke = (await self.discover()).revocation_endpoint
            if revoke:
                form = {"token": refresh_token, "token_type_hint": "refresh_token"}
                await self._http.post(revoke, data={"client_id": self.options.oidc_client_id, **form})
        except (httpx.HTTPError, ValueError, RuntimeError):
            pass

    def restore_tokens(self, access_token: str, refresh_token: str, expires_at: float) -> None:
        """Goes on with what `get_token_state` gave; `expires_at` in Unix seconds."""
        self._access_token, self._refresh_token, self._expires_at = access_token, refresh_token, expires_at

    def get_token_state(self) -> Tuple[Optional[str], Optional[str], float]:
        """Access token, refresh token, expiry in Unix seconds: keep them where only this user can read."""
        return self._access_token, self._refresh_token, self._expires_at

    @staticmethod
    def parse_consent_error(status_code: int, response_body: str) -> Optional[ConsentErrorInfo]:
        """What a 403 says about consent; `None` if it is about something else."""
        if status_code != 403:
            return None
        try:
            answer = json.loads(response_body)
        except ValueError:
            return None
        if not isinstance(answer, dict) or str(answer.get("error")) not in _CONSENT_CODES:
            return None
        return ConsentErrorInfo(answer)

    async def _token_call(self, grant_type: str, **fields: str) -> httpx.Response:
        endpoint = _endpoint((await self.discover()).token_endpoint, "token_endpoint")
        form = {"grant_type": grant_type, "client_id": self.options.oidc_client_id, **fields}
        return await self._http.post(endpoint, data=form)

    def _keep(self, response: httpx.Response) -> TokenResponse:
        token = TokenResponse(response.json())
        self._access_token, self._refresh_token = token.access_token, token.refresh_token
        self._expires_at = time.time() + token.expires_in - EXPIRY_MARGIN_SECONDS
        return token


def _endpoint(url: Optional[str], name: str) -> str:
    if not url:
        raise RuntimeError(f"OIDC discovery: {name} is missing.")
    return url


def _oauth_error(response: httpx.Response) -> Tuple[str, str]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return f"HTTP {response.status_code}", ""
    return str(answer.get("error", "")), str(answer.get("error_description", ""))


def _refuse(what: str, response: httpx.Response) -> NoReturn:
    error, description = _oauth_error(response)
    raise AirlockAuthException(f"{what}: {error} — {description}")
