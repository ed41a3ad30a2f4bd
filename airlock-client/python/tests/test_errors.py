import pytest

from airlock_gateway import AirlockGatewayError


@pytest.mark.parametrize(
    "status, answer, code, message",
    [
        (422, {"json": {"body": {"code": "no_approver", "message": "No approver available."}}}, "no_approver", "No approver available."),
        (422, {"json": {"error": "flat", "message": "f", "body": {"code": "inner", "message": "i"}}}, "inner", "i"),
        (404, {"json": {"error": "NotFound", "message": "gone"}}, "NotFound", "gone"),
        (404, {"json": {"error": "NotFound", "body": None}}, "NotFound", "Gateway returned 404"),
        (409, {"json": {"body": {"code": "already_resolved"}}}, "already_resolved", "Gateway returned 409"),
        (400, {"json": {"error": {"nested": 1}, "message": 5}}, None, "Gateway returned 400"),
        (500, {"text": "Internal Server Error"}, None, "Gateway returned 500"),
        (401, {"text": ""}, None, "Gateway returned 401"),
        (502, {"json": ["a", "list"]}, None, "Gateway returned 502"),
        (302, {"headers": {"Location": "https://elsewhere.test"}}, None, "Gateway returned 302"),
    ],
)
async def test_every_shape_of_an_error_becomes_one_exception(client, mock_api, status, answer, code, message):
    mock_api.get("/echo").respond(status, **answer)
    with pytest.raises(AirlockGatewayError) as caught:
        await client.echo()
    assert (caught.value.status_code, caught.value.error_code, str(caught.value)) == (status, code, message)


PREDICATES = ("is_quota_exceeded", "is_pairing_revoked", "is_expired", "is_conflict", "is_retryable")


@pytest.mark.parametrize(
    "status, code, true",
    [
        (429, "rate_limited", {"is_quota_exceeded", "is_retryable"}),
        (429, None, {"is_quota_exceeded", "is_retryable"}),
        (429, "quota_exceeded", {"is_quota_exceeded"}),
        (403, "Quota_Exceeded", {"is_quota_exceeded"}),
        (403, "workspace_limit_exceeded", {"is_quota_exceeded"}),
        (403, "PAIRING_REVOKED", {"is_pairing_revoked"}),
        (410, None, {"is_expired"}),
        (404, "expired", {"is_expired"}),
        (422, "expired", {"is_expired"}),
        (409, "AlreadyExistsConflict", {"is_conflict"}),
        (503, "unavailable", {"is_retryable"}),
        (404, "NotFound", set()),
        (None, None, set()),
    ],
)
def test_what_kind_of_error_it_is(status, code, true):
    error = AirlockGatewayError("m", status_code=status, error_code=code)
    assert {name for name in PREDICATES if getattr(error, name)} == true


@pytest.mark.parametrize("header, seconds", [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("", None)])
async def test_how_long_to_wait_is_told(client, mock_api, header, seconds):
    mock_api.get("/echo").respond(429, headers={"Retry-After": header})
    with pytest.raises(AirlockGatewayError) as caught:
        await client.echo()
    assert caught.value.retry_after == seconds
