from datetime import datetime, timedelta, timezone

import httpx
import pytest

from airlock_gateway import AirlockGatewayClient, DndEvaluator, DndPolicyWire, evaluate_dnd

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def policy(id, mode, *, prefix=None, created=0, **more):
    action = {"action_selector": {"argvPrefix": prefix}} if prefix else {}
    return DndPolicyWire(
        request_id=id,
        object_type="airlock.dnd.action" if prefix else "airlock.dnd.workspace",
        workspace_id=more.pop("workspace_id", "w"),
        enforcer_id=more.pop("enforcer_id", "e"),
        policy_mode=f"{mode}_all",
        created_at=NOW - timedelta(hours=1) + timedelta(minutes=created),
        expires_at=more.pop("expires_at", NOW + timedelta(hours=1)),
        **action,
        **more,
    )


def check(policies, expected, *, command="git push origin main", **asked):
    found = evaluate_dnd(policies, enforcer_id="e", workspace_id="w", command=command, now=NOW, **asked)
    assert (found and (found.policy_id, found.approved)) == expected


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
        {"expires_at": NOW - timedelta(seconds=1)},
        {"workspace_id": "other"},
        {"enforcer_id": "other"},
        {"session_id": "s"},
        {"target_artifact_type": "plan.review"},
    ],
)
def test_a_policy_for_something_else_does_not_apply(more):
    check([policy("p", "approve", **more)], None)


def test_a_policy_for_this_session_or_type_applies():
    check([policy("p", "approve", session_id="s")], ("p", True), session_id="s")
    check([policy("p", "deny", target_artifact_type="t")], ("p", False), artifact_type="t")


def test_what_was_decided_is_told_in_metadata():
    found = evaluate_dnd([policy("p", "deny")], enforcer_id="e", workspace_id="w", now=NOW)
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
    body = [p.model_dump(mode="json", by_alias=True, exclude_none=True) for p in policies]
    return lambda _: httpx.Response(200, json={"msgType": "dnd.policy.effective", "requestId": "d", "body": body})


def unreachable(request):
    raise httpx.ConnectError("no route", request=request)


async def test_policies_are_fetched_once_for_each_place():
    forever = policy("p", "approve", expires_at=datetime(2100, 1, 1, tzinfo=timezone.utc))
    client, seen = client_that_answers([with_policies(forever)])
    evaluator = DndEvaluator(client)
    for _ in range(3):
        assert (await evaluator.decide(enforcer_id="e", workspace_id="w")).approved
    assert await evaluator.decide(enforcer_id="e", workspace_id="other", session_id="s") is None
    assert seen == [
        {"enforcerId": "e", "workspaceId": "w"},
        {"enforcerId": "e", "workspaceId": "other", "sessionId": "s"},
    ]
    fresh = DndEvaluator(client, cache_seconds=0)
    for _ in range(2):
        await fresh.decide(enforcer_id="e", workspace_id="w")
    assert len(seen) == 4


@pytest.mark.parametrize(
    "answer",
    [
        unreachable,
        lambda _: httpx.Response(500, text="x"),
        lambda _: httpx.Response(200, text="no json"),
        lambda _: httpx.Response(200, json={"body": [{"requestId": "incomplete"}]}),
    ],
)
async def test_what_cannot_be_fetched_is_no_policy(answer):
    client, _ = client_that_answers([answer])
    assert await DndEvaluator(client).decide(enforcer_id="e", workspace_id="w") is None
