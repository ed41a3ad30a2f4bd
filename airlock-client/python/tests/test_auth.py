import asyncio
import base64
import hashlib
import json
import threading
import urllib.error
import urllib.request
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from airlock_gateway import AirlockAuthClient, AirlockAuthException, AirlockAuthOptions, auth_client

REALM = "https://idp.test/realms/airlock"
ENDPOINTS = {
    "token_endpoint": f"{REALM}/token",
    "device_authorization_endpoint": f"{REALM}/device",
    "revocation_endpoint": f"{REALM}/revoke",
    "authorization_endpoint": f"{REALM}/authorize",
}
DEVICE = {"device_code": "dc", "user_code": "BCDF-GHJK", "verification_uri": "https://idp.test/device", "interval": 1, "expires_in": 600}


def tokens(number=1, expires_in=300):
    return httpx.Response(
        200, json={"access_token": f"at-{number}", "refresh_token": f"rt-{number}", "token_type": "Bearer", "expires_in": expires_in}
    )


def refusal(error, status=400, **more):
    return httpx.Response(status, json={"error": error, **more})


class Provider:
    """An identity provider with the answers it is given; keeps what it was asked."""

    def __init__(self, *answers, endpoints=ENDPOINTS):
        self.answers, self.endpoints, self.asked = list(answers), endpoints, []

    def __call__(self, request):
        if request.method == "GET":
            self.asked.append(str(request.url))
            return httpx.Response(200, json=self.endpoints)
        self.asked.append((request.url.path.rsplit("/", 1)[1], dict(parse_qsl(request.content.decode()))))
        if request.url.path.endswith("/device"):
            return httpx.Response(200, json=DEVICE)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, realm=REALM + "/"):
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return AirlockAuthClient(AirlockAuthOptions(realm), http)


@pytest.fixture
def pauses(monkeypatch):
    made = []

    async def pause(seconds):
        made.append(seconds)

    monkeypatch.setattr(auth_client, "_sleep", pause)
    return made


async def test_discovery_is_asked_once_and_needs_a_token_endpoint():
    provider = Provider()
    client = provider.client()
    assert (await client.discover()).token_endpoint == f"{REALM}/token"
    await client.discover()
    assert provider.asked == [f"{REALM}/.well-known/openid-configuration"]
    with pytest.raises(RuntimeError, match="token_endpoint"):
        await Provider(endpoints={}).client().discover()


# Device code

async def test_a_device_login_polls_until_the_person_agreed(pauses):
    provider = Provider(refusal("authorization_pending"), refusal("slow_down"), tokens())
    client = provider.client()
    shown = []
    token = await client.login(shown.append)
    assert [code.user_code for code in shown] == ["BCDF-GHJK"]
    assert token.access_token == client.current_access_token == "at-1"
    assert client.is_logged_in and not client.is_token_expired
    assert pauses == [5, 5, 10]
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "airlock-integrations",
        "device_code": "dc",
    }
    assert provider.asked[1:] == [
        ("device", {"client_id": "airlock-integrations", "scope": "openid profile email"}),
        *[("token", grant)] * 3,
    ]


@pytest.mark.parametrize(
    "answer, message",
    [
        (refusal("expired_token"), "Device code expired"),
        (refusal("access_denied"), "User denied"),
        (refusal("invalid_client", error_description="who?"), "Token request failed: invalid_client — who\\?"),
        (httpx.Response(502, text="<html>"), "Token request failed: HTTP 502"),
    ],
)
async def test_a_device_login_that_is_refused_says_why(pauses, answer, message):
    client = Provider(answer).client()
    with pytest.raises(AirlockAuthException, match=message):
        await client.login(lambda _: None)
    assert not client.is_logged_in


# Authorization code

def browser(answer, seen=None):
    """Opens the address as a browser would, after being sent back with `answer`."""

    def open_page(url):
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if seen is not None:
            seen.update(query)
        target = query["redirect_uri"].replace("localhost", "127.0.0.1")
        for path in ("/favicon.ico", None):
            address = target.replace("/callback", path) if path else f"{target}?{answer(query)}"
            try:
                urllib.request.urlopen(address, timeout=10).read()
            except urllib.error.HTTPError as error:
                error.read()

    return open_page


async def test_a_browser_login_survives_a_stray_request_and_a_synchronous_browser():
    provider = Provider(tokens())
    client = provider.client()
    query = {}
    token = await client.login_with_auth_code(browser(lambda q: f"code=c0de&state={q['state']}", query))
    assert token.access_token == "at-1"
    name, form = provider.asked[-1]
    challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert query["code_challenge"] == base64.urlsafe_b64encode(challenge).decode().rstrip("=")
    assert list(query) == [
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
    ]  # fmt: skip
    assert query["redirect_uri"].startswith("http://localhost:") and query["redirect_uri"].endswith("/callback")
    assert len(query["state"]) == 32 and len(form["code_verifier"]) == 43
    assert form["redirect_uri"] == query["redirect_uri"] and form["code"] == "c0de"


@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda q: f"error=access_denied&error_description=no&state={q['state']}", "Authorization denied: access_denied — no"),
        (lambda q: "code=c&state=forged", "Authorization denied: state_mismatch"),
        (lambda q: "code=c", "Authorization denied: state_mismatch"),
    ],
)
async def test_a_browser_login_that_is_refused_says_why(answer, message):
    client = Provider().client()
    with pytest.raises(AirlockAuthException, match=message):
        await client.login_with_auth_code(browser(answer))
    assert not client.is_logged_in


async def test_a_browser_that_never_comes_back_ends_the_login(monkeypatch):
    monkeypatch.setattr(auth_client, "CALLBACK_SECONDS", 0)
    with pytest.raises(AirlockAuthException, match="timed out"):
        await Provider().client().login_with_auth_code(lambda _: None)


async def test_nothing_listens_after_a_login():
    ports = []
    client = Provider(tokens()).client()
    back = browser(lambda q: f"code=c&state={q['state']}")

    def open_page(url):
        ports.append(urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port)
        threading.Thread(target=back, args=(url,)).start()

    await client.login_with_auth_code(open_page)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", ports[0])


async def test_a_program_may_serve_its_own_redirect():
    provider = Provider(tokens(), refusal("invalid_grant", error_description="used"))
    client = provider.client()
    request = await client.get_authorization_url("app://back")
    assert set(request) == {"authorization_url", "state", "code_verifier", "redirect_uri"}
    assert request["authorization_url"].startswith(f"{REALM}/authorize?response_type=code&")
    await client.exchange_code("c", request["redirect_uri"], request["code_verifier"])
    with pytest.raises(AirlockAuthException, match="Code exchange failed: invalid_grant — used"):
        await client.exchange_code("c", request["redirect_uri"], request["code_verifier"])


# Tokens

async def test_an_expired_token_is_refreshed_once_however_many_ask():
    provider = Provider(tokens(2))
    client = provider.client()
    client.restore_tokens("at-1", "rt-1", 0)
    assert client.is_logged_in and client.is_token_expired
    assert await asyncio.gather(*[client.get_access_token() for _ in range(20)]) == ["at-2"] * 20
    assert [asked for asked in provider.asked if asked[0] == "token"] == [
        ("token", {"grant_type": "refresh_token", "client_id": "airlock-integrations", "refresh_token": "rt-1"})
    ]
    access, refresh, expires_at = client.get_token_state()
    assert (access, refresh) == ("at-2", "rt-2") and expires_at > 1_700_000_000


async def test_a_token_that_holds_is_given_without_asking():
    provider = Provider()
    client = provider.client()
    client.restore_tokens("at-1", "rt-1", 4_000_000_000)
    assert await client.get_access_token() == "at-1" and provider.asked == []


async def test_a_refused_refresh_signs_out_and_a_fault_does_not():
    client = Provider(httpx.Response(503, text="later"), httpx.ConnectError("gone"), refusal("invalid_grant")).client()
    client.restore_tokens("at-1", "rt-1", 0)
    with pytest.raises(AirlockAuthException, match="HTTP 503"):
        await client.refresh_token()
    with pytest.raises(httpx.ConnectError):
        await client.refresh_token()
    assert client.get_token_state() == ("at-1", "rt-1", 0)
    with pytest.raises(AirlockAuthException, match="Token refresh failed: invalid_grant"):
        await client.get_access_token()
    assert not client.is_logged_in
    for call in (client.get_access_token, client.refresh_token):
        with pytest.raises(AirlockAuthException):
            await call()


@pytest.mark.parametrize("answer", [httpx.Response(200), httpx.Response(500), httpx.ConnectError("gone")])
async def test_a_logout_revokes_and_forgets_whatever_the_provider_says(answer):
    provider = Provider(answer)
    client = provider.client()
    client.restore_tokens("at-1", "rt-1", 4_000_000_000)
    await client.logout()
    assert client.get_token_state() == (None, None, 0.0)
    assert provider.asked[-1] == (
        "revoke", {"client_id": "airlock-integrations", "token": "rt-1", "token_type_hint": "refresh_token"}
    )  # fmt: skip
    await client.logout()
    assert len(provider.asked) == 2


async def test_a_given_connection_stays_open_and_an_own_one_is_closed():
    async with httpx.AsyncClient() as http:
        async with AirlockAuthClient(AirlockAuthOptions(REALM), http):
            pass
        assert not http.is_closed
    async with AirlockAuthClient(AirlockAuthOptions(REALM)) as client:
        pass
    with pytest.raises(RuntimeError):
        await client.discover()


@pytest.mark.parametrize(
    "status, answer, code",
    [
        (403, {"error": "app_consent_required", "message": "m", "consentUrl": "u", "appName": "n", "appId": "i"}, "app_consent_required"),
        (403, {"error": "app_consent_pending"}, "app_consent_pending"),
        (403, {"error": "app_consent_denied"}, "app_consent_denied"),
        (401, {"error": "app_consent_denied"}, None),
        (403, {"error": "access_denied"}, None),
        (403, ["app_consent_denied"], None),
        (403, {"error": ["x"]}, None),
    ],
)
def test_consent_errors_are_told_from_others(status, answer, code):
    info = AirlockAuthClient.parse_consent_error(status, json.dumps(answer))
    assert (info and info.error) == code
    if "consentUrl" in answer:
        assert (info.message, info.consent_url, info.app_name, info.app_id) == ("m", "u", "n", "i")


def test_a_403_without_json_is_no_consent_error():
    assert AirlockAuthClient.parse_consent_error(403, "<html>") is None
