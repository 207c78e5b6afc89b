from typing import Any

from phasegate.cli.plan import Difference, Plan, needed, plan_of, writes
from phasegate.environment import FromEnvironment
from phasegate.sealing.places import MISSING

ROUTE = ("routes", "a")


def outcome(before: Any, after: Any, *differences: list[str | int]) -> list[dict[str, Any]]:
    action = "create" if before is None else "delete" if after is None else "update"
    return [
        {"action": action, "kind": "routes", "id": "a", "before": before, "after": after, "differences": differences}
    ]


def differences(before: Any, after: Any, wanted: Any, *places: list[str | int]) -> tuple[Difference, ...]:
    return plan_of(1, outcome(before, after, *places), {ROUTE: wanted}).changes[0].differences


def test_what_the_file_does_not_list_is_deleted() -> None:
    stored = [("routes", "b"), ROUTE, ("upstreams", "u")]
    assert writes({ROUTE: {"uri": "/a"}}, stored) == [
        {"kind": "routes", "id": "a", "value": {"uri": "/a"}},
        {"kind": "routes", "id": "b", "value": None},
        {"kind": "upstreams", "id": "u", "value": None},
    ]


def test_only_what_changes_is_written() -> None:
    every = writes({ROUTE: {"uri": "/b"}, ("routes", "same"): {"uri": "/s"}}, [])
    plan = plan_of(1, outcome({"uri": "/a"}, {"uri": "/b"}, ["uri"]), {})
    assert needed(every, plan) == [{"kind": "routes", "id": "a", "value": {"uri": "/b"}}]


def test_a_difference_has_what_is_before_and_after() -> None:
    before, after = {"uri": "/a", "old": 1, "list": [{"x": 1}]}, {"uri": "/b", "new": 2, "list": [{"x": 2}]}
    assert differences(before, after, after, ["uri"], ["old"], ["new"], ["list", 0, "x"]) == (
        Difference("uri", "/a", "/b"),
        Difference("old", 1, MISSING),
        Difference("new", MISSING, 2),
        Difference("list[0].x", 1, 2),
    )


def test_a_secret_that_is_another_one_is_told_without_showing_it() -> None:
    masked = {"plugins": {"p": {"key": "***"}}}
    (found,) = differences(masked, masked, {"plugins": {"p": {"key": "s3cret"}}}, ["plugins", "p", "key"])
    assert found == Difference("plugins.p.key", "***", "*** (another)")


def test_nothing_out_of_the_environment_is_shown() -> None:
    wanted = {"uri": FromEnvironment("/b"), "desc": FromEnvironment("same"), "key": FromEnvironment("s3cret")}
    before = {"uri": "/a", "desc": "same", "key": "***"}
    after = {"uri": "/b", "desc": "same", "key": "***"}
    change = plan_of(1, outcome(before, after, ["uri"], ["key"]), {ROUTE: wanted}).changes[0]
    assert change.differences == (
        Difference("uri", "(something else)", "(from the environment)"),
        Difference("key", "***", "(from the environment)"),
    )
    assert change.before == {"uri": "(something else)", "desc": "(from the environment)", "key": "***"}
    assert set(change.after.values()) == {"(from the environment)"} if change.after else False


def test_a_created_resource_hides_the_environment_too() -> None:
    wanted = {"uri": "/a", "desc": FromEnvironment("s3cret")}
    change = plan_of(1, outcome(None, {"uri": "/a", "desc": "s3cret"}), {ROUTE: wanted}).changes[0]
    assert (change.before, change.after) == (None, {"uri": "/a", "desc": "(from the environment)"})


def test_changes_are_counted() -> None:
    plan = plan_of(4, [*outcome(None, {}), *outcome({}, None), *outcome({}, {})], {})
    assert [plan.count(action) for action in ("create", "update", "delete")] == [1, 1, 1]
    assert plan_of(4, [], {}) == Plan(4, ())
