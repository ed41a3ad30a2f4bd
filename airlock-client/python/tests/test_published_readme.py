"""The snippets of the published READMEs, run as they are against a gateway that answers."""

import os
import re
from pathlib import Path

import httpx
import pytest
import respx
from pydantic import ValidationError

from airlock_gateway import AirlockGatewayClient, AirlockGatewayError, ArtifactSubmitRequest, EncryptedPayload

ARCHIVES = os.environ.get("AIRLOCK_TEST_PUBLISHED_ARCHIVES")
HOSTS = ("https://igw.airlocks.io", "https://gw.example.com")

# What contradicts the published models as well: they raise there too.
CONTRADICTIONS = {
    "initiate_pairing(PairingInitiateRequest(": "deviceId",
    "claim_pairing(PairingClaimRequest(": "pairingCode",
}


def snippets():
    for version in ("0.1.1", "0.3.5", "0.4.8") if ARCHIVES else ():
        text = (Path(ARCHIVES) / f"airlock_gateway-{version}/README.md").read_text()
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", text, re.S)):
            yield pytest.param(code, id=f"{version}-{number}")


def answer(request):
    """A pending consent, a fake routing token refused, and the rest as it should be."""
    path = request.url.path
    if path == "/v1/artifacts":
        return httpx.Response(422, json={"error": "no_approver", "message": "No approver available."})
    if path == "/v1/consent/status":
        return httpx.Response(403, json={"error": "app_consent_pending", "message": "m"})
    assert path == "/echo"
    return httpx.Response(200, json={"utc": "x", "local": "x", "timezone": "UTC", "offsetMinutes": 0})


async def run(code):
    body = re.sub(r"^asyncio\.run\((.*)\)$", r"await \1", code, flags=re.M)
    names = {
        "AirlockGatewayClient": AirlockGatewayClient,
        "client": AirlockGatewayClient(HOSTS[0], token="T"),
        "access_token": "T",
        "my_public_key": "k",
        "request": ArtifactSubmitRequest(enforcer_id="e", artifact_hash="h", ciphertext=EncryptedPayload()),
    }
    exec("async def snippet():\n" + "\n".join("    " + line for line in body.splitlines()) + "\n    pass", names)
    async with names["client"]:
        await names["snippet"]()


@pytest.mark.parametrize("code", list(snippets()))
async def test_a_documented_snippet_runs_as_it_is_written(code):
    wrong = [field for call, field in CONTRADICTIONS.items() if call in code]
    # Only what a gateway without this approver says may come of it; the snippets that show errors catch them.
    expected = ()
    if wrong:
        expected = ValidationError
    elif "submit_artifact" in code and "except" not in code:
        expected = AirlockGatewayError
    with respx.mock(assert_all_called=False) as router:
        for host in HOSTS:
            router.route(url__startswith=host).mock(side_effect=answer)
        if expected:
            with pytest.raises(expected) as caught:
                await run(code)
            assert all(field in str(caught.value) for field in wrong)
        else:
            await run(code)


def test_the_archives_have_snippets():
    assert not ARCHIVES or len(list(snippets())) > 15
