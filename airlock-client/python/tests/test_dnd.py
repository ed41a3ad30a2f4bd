import json
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from airlock_gateway import AirlockGatewayClient, DndEvaluator, evaluate_dnd
from airlock_gateway.crypto_helpers import ed25519_sign, generate_ed25519_keypair

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
APPROVER, STRANGER = generate_ed25519_keypair(), generate_ed25519_keypair()
SIGNERS = {"key-a": APPROVER.public_key}


def signed(policy, key=APPROVER):
    text = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    return {**policy, "signature": ed25519_sign(key.private_key, text.encode())}


def unsigned(id, mode, *, prefix=None, created=0, now=NOW, ends=timedelta(hours=1), **more):
    made = {
        "requestId": id,
        "objectType": "airlock.dnd.action" if prefix else "airlock.dnd.workspace",
        "workspaceId": "w",
        "enforcerId": "e",
        "policyMode": f"{mode}_all",
        "createdAt": (now - timedelta(hours=1) + timedelta(minutes=created)).isoformat(),
        "expiresAt": (now + ends).isoformat(),
        "signerKeyId": "key-a",
        # A member of a later version is signed with the others.
        "later": "x",
        **more,
    }
    return {**made, "actionSelector": {"argvPrefix": prefix}} if prefix else made


def policy(*args, **more):
    return signed(unsigned(*args, **more))


def check(policies, expected, *, command="git push origin main", **asked):
    found = evaluate_dnd(
        policies, signers=SIGNERS, enforcer_id="e", workspace_id="w", command=command, now=NOW, **asked
    )
    assert (found and (found.policy_id, found.approved)) == expected


def test_a_yes_counts_only_if_a_known_signer_made_it():
    check([policy("p", "approve")], ("p", True))
    check([unsigned("p", "approve")], None)
    check([signed(unsigned("p", "approve"), STRANGER)], None)
    check([{**policy("p", "approve"), "signerKeyId": "key-b"}], None)
    check([{**policy("p", "approve", workspaceId="other"), "workspaceId": "w"}], None)
    check([{**policy("p", "deny"), "policyMode": "approve_all"}], None)
    check([unsigned("p", "deny")], ("p", False))


def test_a_policy_that_cannot_be_read_does_not_apply():
    check([{}, {"requestId": "x"}, signed(unsigned("p", "maybe")), policy("q", "approve")], ("q", True))
    check([policy("p", "approve", ends=timedelta(hours=25))], None)


def test_without_a_policy_the_approver_is_asked():
    check([], None)


def test_deny_goes_before_approve_and_an_action_before_a_workspace():
    action_deny, action_approve = policy("ad", "deny", prefix=["git"]), policy("aa", "approve", prefix=["git"])
    workspace_deny, workspace_approve = policy("wd", "deny"), policy("wa", "approve")
    check([workspace_approve, action_approve, workspace_deny, action_deny], ("ad", False))
    check([workspace_approve, action_approve, workspace_deny], ("wd", False))
    check([workspace_approve, action_approve], ("aa", True))
    check([workspace_approve], ("wa", True))


def test_an_action_matches_by_whole_words_and_the_longest_prefix_wins():
    check([policy("p", "approve", prefix=["git", "push"])], ("p", True))
    check([policy("p", "approve", prefix=["git push"])], ("p", True))
    check([policy("p", "approve", prefix=["git", "pus"])], None)
    check([policy("p", "approve", prefix=["push"])], None)
    check([policy("p", "approve", prefix=["git"])], None, command="gitk")
    check([policy("p", "approve", prefix=["git"])], None, command=None)
    check([policy("short", "approve", prefix=["git"], created=9), policy("long", "approve", prefix=["git push"])], ("long", True))


def test_of_equal_ones_the_newest_wins():
    check([policy("new", "approve", created=2), policy("old", "approve", created=1)], ("new", True))
    check([policy("old", "deny", prefix=["git"]), policy("new", "deny", prefix=["git"], created=5)], ("new", False))


@pytest.mark.parametrize(
    "more",
    [
        {"ends": timedelta(seconds=-1)},
        {"workspaceId": "other"},
        {"enforcerId": "other"},
        {"sessionId": "s"},
        {"targetArtifactType": "plan.review"},
    ],
)
def test_a_policy_for_something_else_does_not_apply(more):
    check([policy("p", "approve", **more)], None)


def test_a_policy_for_this_session_or_type_applies():
    check([policy("p", "approve", sessionId="s")], ("p", True), session_id="s")
    check([policy("p", "deny", targetArtifactType="t")], ("p", False), artifact_type="t")


def test_what_was_decided_is_told_in_metadata():
    found = evaluate_dnd([policy("p", "deny")], signers={}, enforcer_id="e", workspace_id="w", now=NOW)
    assert found.audit_metadata == {"dndAudit": "true", "dndDecision": "reject"}


def client_that_answers(answers):
    """A client, and the requests it sent."""
    seen = []

    def answer(request):
        seen.append(dict(request.url.params))
        return answers[min(len(seen), len(answers)) - 1](request)

    http = httpx.AsyncClient(base_url="https://gw.test", transport=httpx.MockTransport(answer))
    return AirlockGatewayClient("", http_client=http), seen


def with_policies(*policies):
    return lambda _: httpx.Response(200, json={"msgType": "dnd.policy.effective", "requestId": "d", "body": list(policies)})


def unreachable(request):
    raise httpx.ConnectError("no route", request=request)


async def test_policies_are_fetched_once_for_each_place():
    stands = policy("p", "approve", now=datetime.now(timezone.utc))
    client, seen = client_that_answers([with_policies(stands)])
    evaluator = DndEvaluator(client, signers=SIGNERS)
    for _ in range(3):
        assert (await evaluator.decide(enforcer_id="e", workspace_id="w")).approved
    assert await evaluator.decide(enforcer_id="e", workspace_id="other", session_id="s") is None
    assert seen == [
        {"enforcerId": "e", "workspaceId": "w"},
        {"enforcerId": "e", "workspaceId": "other", "sessionId": "s"},
    ]
    fresh = DndEvaluator(client, signers=SIGNERS, cache_seconds=0)
    for _ in range(2):
        await fresh.decide(enforcer_id="e", workspace_id="w")
    assert len(seen) == 4


@pytest.mark.parametrize(
    "answer",
    [
        unreachable,
        lambda _: httpx.Response(500, text="x"),
        lambda _: httpx.Response(200, text="no json"),
        lambda _: httpx.Response(200, json={"body": [{"requestId": "incomplete"}, 7]}),
        lambda _: httpx.Response(200, json={"body": {}}),
        lambda _: httpx.Response(200, json=[]),
    ],
)
async def test_what_cannot_be_fetched_is_no_policy(answer):
    client, _ = client_that_answers([answer])
    assert await DndEvaluator(client, signers=SIGNERS).decide(enforcer_id="e", workspace_id="w") is None
